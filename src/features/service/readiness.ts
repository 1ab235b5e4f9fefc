import * as z from "zod";
import type { Config } from "../../config/config.ts";
import { pingDatabase } from "../../db/client.ts";
import { pendingMigrations } from "../../db/migrations.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import type { Services } from "../../endpoint/services.ts";
import { inTime, MINUTE, SECOND, STORE_PATIENCE } from "../../platform/clock.ts";
import { describeError, writeLog } from "../../platform/log.ts";
import { VERSION } from "../../version.ts";

/**
 * How long an isolate repeats its last answer. Anyone can call this route, and each check makes six storage calls, one
 * of them to an object that all checks share.
 */
const KEPT_FOR = 2 * SECOND;
/**
 * First the request tries to queue an email, then the cron job tries again with growing pauses. The request and the
 * first four tries of the cron job take less time than this.
 */
const EMAIL_LATE_AFTER = 15 * MINUTE;
/**
 * In normal operation, no follow-up waits this long: the cron job runs every minute, and postpones each follow-up that
 * it takes by five minutes.
 */
const CRON_LATE_AFTER = 10 * MINUTE;

const answering = z.enum(["ok", "failed"]);
const punctual = z.enum(["ok", "late", "failed"]);

const readinessSchema = z
  .strictObject({
    status: answering,
    version: z.string(),
    checks: z.strictObject({
      database: answering,
      sessions: answering,
      kv: answering,
      migrations: answering.meta({ description: "`failed` while a migration is pending." }),
      emails: punctual.meta({ description: "`late` if an email has waited for more than 15 minutes to be queued." }),
      cron: punctual.meta({ description: "`late` if the cron job has left work undone for 10 minutes." }),
    }),
    pending_migrations: z.array(z.string()).nullable().meta({ description: "`null` if the database can't tell." }),
    oldest_unsent_email_seconds: z.strictObject({ database: z.int().nullable(), queue: z.int().nullable() }).meta({
      description:
        "How long the oldest email has waited in the database to be queued, and how long the oldest has waited in the queue. `null` if none waits.",
    }),
  })
  .meta({ id: "Readiness" });

export const readReadiness = endpoint(
  {
    id: "readReadiness",
    method: "get",
    path: "/health/ready",
    tag: "Service",
    summary: "Check everything that the service needs",
    description:
      "For operators: asks the database, a session object, KV and the queue of emails. 503 if a store does not answer within 5 seconds, or a migration is pending. Late emails and a late cron job leave it at 200, because requests are still served.",
    success: { status: 200, description: "Requests can be served.", schema: readinessSchema },
    alternatives: [{ status: 503, description: "They can't: `checks` says why.", schema: readinessSchema }],
  },
  async (services: Services) => {
    const { clock, config } = services;
    const last = kept.get(config);
    if (last !== undefined && clock.now() < last.until) return answerWith(last.readiness);
    // While this request checks, other requests get the previous answer.
    if (last !== undefined) last.until = clock.now() + STORE_PATIENCE;
    const readiness = await checkAll(services);
    kept.set(config, { readiness, until: clock.now() + KEPT_FOR });
    return answerWith(readiness);
  },
);

type Readiness = z.infer<typeof readinessSchema>;

const kept = new WeakMap<Config, { readiness: Readiness; until: number }>();

const answerWith = (readiness: Readiness) =>
  readiness.status === "ok" ? readiness : new Reply(readiness, { "Retry-After": "5" }, 503);

async function checkAll(services: Services): Promise<Readiness> {
  const { clock, db, followUpRows, mail, revocations, sessions } = services;
  const [database, session, kv, pending, left, queued] = await Promise.all([
    answerOf(pingDatabase(db)),
    answerOf(sessions.epochOf("health", "health")),
    answerOf(revocations.ping()),
    answerOf(pendingMigrations(db)),
    answerOf(followUpRows.oldest()),
    answerOf(mail.oldestQueued()),
  ]);
  const now = clock.now();
  const seconds = (since: number | undefined) =>
    since === undefined ? null : Math.max(0, Math.floor((now - since) / SECOND));
  const isLate = (since: number | undefined, after: number) => since !== undefined && now - since > after;
  const isReady = [database, session, kv, pending].every(({ ok }) => ok) && pending.value?.length === 0;
  return {
    status: check(isReady),
    version: VERSION,
    checks: {
      database: check(database.ok),
      sessions: check(session.ok),
      kv: check(kv.ok),
      migrations: check(pending.value?.length === 0),
      emails: left.ok && isLate(left.value?.emailSince, EMAIL_LATE_AFTER) ? ("late" as const) : check(left.ok),
      cron: left.ok && isLate(left.value?.dueSince, CRON_LATE_AFTER) ? ("late" as const) : check(left.ok),
    },
    pending_migrations: pending.value ?? null,
    oldest_unsent_email_seconds: { database: seconds(left.value?.emailSince), queue: seconds(queued.value) },
  };
}

const check = (ok: boolean) => (ok ? ("ok" as const) : ("failed" as const));

async function answerOf<Value>(call: Promise<Value>): Promise<{ ok: boolean; value?: Value }> {
  try {
    return { ok: true, value: await inTime(call) };
  } catch (error) {
    writeLog("error", { event: "health_check_failed", error: describeError(error) });
    return { ok: false };
  }
}
