/** The database: pending migrations, and work that waits in it. */
import { databaseNow } from "../../db/client.ts";
import { MIGRATIONS, pendingMigrations } from "../../db/migrations.ts";
import { readWaiting } from "../../followups/follow-up-rows.ts";
import { MINUTE, toIsoTime } from "../../platform/clock.ts";
import { describeError } from "../../platform/log.ts";
import { type Examination, isAbsent, isOnlyHttp, withDatabase, withService } from "./examination.ts";
import { type Finding, failed, ok, skipped, warning } from "./finding.ts";
import { readReadiness } from "./readiness.ts";

/** The cron trigger runs every minute. What waits longer was left by several runs. */
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
  try {
    return await pendingMigrations(opened.db);
  } catch (error) {
    if (describeError(error).includes("no such table")) return [...MIGRATIONS];
    throw error;
  }
}

/** What the running release misses. */
function pendingOverHttp(examination: Examination): Promise<string[] | Finding> {
  return withService(examination, async (service) => {
    const readiness = await readReadiness(service);
    const pending = readiness?.pending_migrations;
    return (
      pending ??
      skipped("The service does not say which migrations are pending.", "Mend what the check `readiness` says.")
    );
  });
}

export function checkFollowUps(examination: Examination) {
  return withDatabase(examination, async (db) => {
    const [now, { count, dueSince }] = [await databaseNow(db), await readWaiting(db)];
    if (dueSince === null) return ok("No change has a consequence that waits.");
    const message = `${counted(count, "follow-up")} of changes to be carried out, the oldest due since ${toIsoTime(dueSince)}.`;
    if (dueSince > now - CRON_PATIENCE) return ok(message);
    return examination.wish.kind === "local"
      ? warning(message, RUN_CRON_HERE)
      : failed(message, "The cron job carries them out. Its log says why it doesn't: follow_up_failed, task_failed.");
  });
}

/** wrangler triggers no cron job in development. */
export const RUN_CRON_HERE =
  "In development the cron job runs only when you call it: curl http://localhost:8787/cdn-cgi/handler/scheduled";

export function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}
