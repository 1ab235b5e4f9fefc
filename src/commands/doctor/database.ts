/** Checks the database: pending migrations, its size, and follow-ups and audit events that wait in it. */
import { readUnmoved } from "../../audit/archive.ts";
import { ARCHIVE_MIGRATIONS } from "../../db/archive.ts";
import { type Database, databaseNow, databaseSize, MOST_BYTES } from "../../db/client.ts";
import { MIGRATIONS, pendingMigrations } from "../../db/migrations.ts";
import { readWaiting } from "../../followups/follow-up-rows.ts";
import { MINUTE, toIsoTime } from "../../platform/clock.ts";
import { describeError } from "../../platform/log.ts";
import { isAbsent } from "./absent.ts";
import { type Examination, isOnlyHttp, withDatabase, withService } from "./examination.ts";
import { type Finding, failed, ok, skipped, warning } from "./finding.ts";
import { readReadiness } from "./readiness.ts";

/** The cron trigger runs every minute. If something has waited longer than this, several runs have failed to do it. */
export const CRON_PATIENCE = 10 * MINUTE;

export async function checkMigrations(examination: Examination): Promise<Finding> {
  const { parts, wish } = examination;
  const pending = isOnlyHttp(wish) ? await pendingOverHttp(examination) : await pendingInDatabase(await parts.database);
  if (!Array.isArray(pending)) return pending;
  if (pending.length === 0) return ok(`All ${counted(MIGRATIONS.length, "migration")} are applied.`);
  return failed(`${counted(pending.length, "migration")} not applied: ${pending.join(", ")}.`, HOW_TO_APPLY[wish.kind]);
}

const HOW_TO_APPLY = {
  local: "`npm run dev` applies them.",
  deployed: "`npm run deploy` applies them.",
  url: "On Cloudflare, `npm run deploy` applies them. A container applies them when it starts.",
};

async function pendingInDatabase(opened: Awaited<Examination["parts"]["database"]>): Promise<string[] | Finding> {
  if (isAbsent(opened))
    return opened.isFault ? failed(opened.absent, opened.remedy) : skipped(opened.absent, opened.remedy);
  const { db, archive } = opened;
  const pending = await pendingIn(db, MIGRATIONS);
  const ofArchive = archive === undefined ? [] : await pendingIn(archive, ARCHIVE_MIGRATIONS);
  return [...pending, ...ofArchive.map((name) => `audit/${name}`)];
}

async function pendingIn(db: Database, known: readonly string[]): Promise<string[]> {
  try {
    return await pendingMigrations(db, known);
  } catch (error) {
    if (describeError(error).includes("no such table")) return [...known];
    throw error;
  }
}

/** The migrations that the running release knows and its database lacks. */
function pendingOverHttp(examination: Examination): Promise<string[] | Finding> {
  return withService(examination, async (service) => {
    const readiness = await readReadiness(service);
    const pending = readiness?.pending_migrations;
    return (
      pending ??
      skipped("The service does not say which migrations are pending.", "Fix what the check `readiness` says.")
    );
  });
}

export function checkFollowUps(examination: Examination) {
  return withDatabase(examination, async (db) => {
    const [now, { count, dueSince }] = [await databaseNow(db), await readWaiting(db)];
    if (dueSince === null) return ok("No change has follow-ups that are still to do.");
    const message = `${counted(count, "follow-up")} of changes to be carried out, the oldest due since ${toIsoTime(dueSince)}.`;
    if (dueSince > now - CRON_PATIENCE) return ok(message);
    return examination.wish.kind === "local"
      ? warning(message, RUN_CRON_HERE)
      : failed(message, "The cron job carries them out. Its log says why it doesn't: follow_up_failed, task_failed.");
  });
}

/** Warns if 8 of D1's 10 GB are used: a full database refuses every change. */
export function checkDatabaseSize(examination: Examination) {
  return withDatabase(examination, async (db, archive) => {
    if (examination.wish.kind === "url") return skipped("The limit of 10 GB is Cloudflare's.", HOW_FULL_A_VOLUME_IS);
    const bound = { DB: db, ...(archive === undefined ? {} : { AUDIT_DB: archive }) };
    const sizes = await Promise.all(
      Object.entries(bound).map(async ([name, each]) => ({ name, bytes: await databaseSize(each) })),
    );
    const message = `${sizes.map(({ name, bytes }) => `${name} takes ${(bytes / 1e9).toFixed(2)} GB`).join(", ")} of 10 GB.`;
    const isNearlyFull = sizes.some(({ bytes }) => bytes > NEARLY_FULL * MOST_BYTES);
    return isNearlyFull
      ? warning(message, archive === undefined ? HOW_TO_MAKE_ROOM : HOW_TO_MAKE_ROOM_IN_BOTH)
      : ok(message);
  });
}

const NEARLY_FULL = 0.8;
const HOW_FULL_A_VOLUME_IS = "Look at the volume: df -h.";
const HOW_TO_MAKE_ROOM = "Lower AUDIT_RETENTION_DAYS, or give events a database of their own: docs/scaling.md.";
/** Moving events to their own database doesn't shrink `DB`: its size still includes the space that they have left. */
const HOW_TO_MAKE_ROOM_IN_BOTH =
  "AUDIT_DB: lower AUDIT_RETENTION_DAYS. DB: new users take the space that moved events have left, so look whether events wait (audit-events): docs/scaling.md.";

/** Audit events that the cron job has not moved yet to their own database. */
export function checkAuditEvents(examination: Examination) {
  return withDatabase(examination, async (db, archive) => {
    if (archive === undefined)
      return ok("Audit events are in the database of the users. docs/scaling.md says when they need one of their own.");
    const { count, oldestAt } = await readUnmoved(db, MOST_COUNTED);
    const number = count > MOST_COUNTED ? `More than ${MOST_COUNTED} audit events` : counted(count, "audit event");
    if (oldestAt === undefined) return ok("No audit event waits to be moved to its own database.");
    const message = `${number} to be moved to their own database, the oldest from ${toIsoTime(oldestAt)}.`;
    if (oldestAt > (await databaseNow(db)) - CRON_PATIENCE) return ok(message);
    return warning(message, examination.wish.kind === "local" ? RUN_CRON_HERE : HOW_THEY_MOVE);
  });
}

/** If AUDIT_DB was bound late, millions of events may wait to be moved, and counting them reads every row. */
const MOST_COUNTED = 10_000;
const HOW_THEY_MOVE =
  "The cron job moves some 5,000 a minute. If this number doesn't fall, its log says why: task_failed, move_audit_events.";

/** wrangler triggers no cron job in development. */
export const RUN_CRON_HERE =
  "In development the cron job runs only when you call it: curl http://localhost:8787/cdn-cgi/handler/scheduled";

export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}
