/**
 * The cron job. Rotates the signing keys when they are due. After a change of `AUTH_SECRET`, seals the signing keys and
 * the factor keys again. Offers a link for the first superuser, carries out follow-ups that requests did not finish,
 * deletes expired data, and moves audit events to `AUDIT_DB`. If a task fails, the others still run.
 */

import { resealFactorKeys } from "./accounts/factor-keys.ts";
import { offerFirstSuperuser } from "./accounts/first-superuser.ts";
import type { Services } from "./endpoint/services.ts";
import { DAY } from "./platform/clock.ts";
import { describeError, writeLog } from "./platform/log.ts";

/**
 * How many rows one statement deletes. A task repeats its statement up to `MOST_STATEMENTS` times. If rows are left,
 * the next run of the cron job continues.
 */
const ROWS_A_STATEMENT = 1_000;
const EVENTS_A_STATEMENT = 5_000;
/** Events that are moved at once are one SQL parameter, which D1 limits to 2 MB. The longest events take 3 kB. */
const EVENTS_MOVED_AT_ONCE = 500;
const MOST_STATEMENTS = 20;

/** For how long an operator can continue an import of users. */
const IMPORT_TIME = 30 * DAY;

/** How long an invitation is listed after its last link has expired. */
const INVITATION_MEMORY = 7 * DAY;

type Task = (services: Services, now: number) => Promise<void>;

/**
 * The tasks, in the order in which they run. The tasks for keys come first, so that they run even if many follow-ups
 * use up the statements that D1 allows in one run.
 */
const TASKS: Readonly<Record<string, Task>> = {
  rotate_signing_keys: ({ keyring }) => keyring.rotate(),

  async reseal_signing_keys({ config, keyring }) {
    if (config.secret.previous !== undefined) await keyring.reseal();
  },

  async reseal_factor_keys(services) {
    if (services.config.secret.previous === undefined) return;
    let after: string | undefined;
    await repeat(async () => {
      after = await resealFactorKeys(services, after);
      return after !== undefined;
    });
  },

  offer_first_superuser: offerFirstSuperuser,

  carry_out_follow_ups: ({ followUps }) => followUps.carryOutLeft(),

  delete_registrations: ({ config, registrations }, now) =>
    repeat(() => registrations.deleteStale(now - config.accounts.unverifiedLifetime, { most: ROWS_A_STATEMENT, now })),

  delete_invitations: ({ invitations }, now) =>
    repeat(() => invitations.deleteStale(now - INVITATION_MEMORY, ROWS_A_STATEMENT)),

  delete_email_changes({ config, emailChanges }, now) {
    const { undoEmailChangeLifetime, verifyEmailLifetime } = config.links;
    // The user may confirm a change just before its link expires, and can then undo it for the full time.
    const requestedBefore = now - verifyEmailLifetime - undoEmailChangeLifetime;
    return repeat(() => emailChanges.deleteStale(requestedBefore, ROWS_A_STATEMENT));
  },

  release_usernames: ({ deletions }, now) => repeat(() => deletions.releaseUsernames(now, ROWS_A_STATEMENT)),

  delete_suppressions: ({ suppressions }, now) => repeat(() => suppressions.deleteExpired(now, ROWS_A_STATEMENT)),

  delete_undelivered_emails: ({ undeliveredMails }, now) =>
    repeat(() => undeliveredMails.deleteOld(now, ROWS_A_STATEMENT)),

  delete_audit_events: ({ auditEvents, config }, now) =>
    repeat(async () => {
      const deleted = await auditEvents.deleteOlder(now - config.audit.retention, EVENTS_A_STATEMENT);
      return deleted === EVENTS_A_STATEMENT;
    }),

  move_audit_events({ auditEvents, config }, now) {
    const importedBefore = now - Math.max(IMPORT_TIME, config.accounts.unverifiedLifetime);
    return repeat(auditEvents.drain(importedBefore, EVENTS_MOVED_AT_ONCE));
  },
};

/** Runs all tasks. If any has failed, throws after the last one, so that the platform counts the run as failed. */
export async function runCronTasks(services: Services): Promise<void> {
  const now = services.clock.now();
  const failed: string[] = [];
  const tasks = Object.entries(TASKS);
  for (const [name, task] of tasks) {
    try {
      await task(services, now);
      services.meter.count("cron_tasks", { task: name, result: "ok" });
    } catch (error) {
      failed.push(name);
      services.meter.count("cron_tasks", { task: name, result: "failed" });
      writeLog("error", { event: "task_failed", task: name, error: describeError(error) });
    }
  }
  const durationMs = services.clock.now() - now;
  writeLog("info", { event: "tasks_ran", count: tasks.length, failed: failed.length, duration_ms: durationMs });
  services.meter.count("cron_runs", { result: failed.length > 0 ? "failed" : "ok" });
  if (failed.length > 0) throw new Error(`Tasks of the cron job failed: ${failed.join(", ")}.`);
}

/** Repeats a step while it returns `true` (there may be more rows), up to `MOST_STATEMENTS` times. */
async function repeat(step: () => Promise<boolean>): Promise<void> {
  for (let statement = 0; statement < MOST_STATEMENTS; statement++) if (!(await step())) return;
}
