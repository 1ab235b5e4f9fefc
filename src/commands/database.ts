/** Opens the database for a command, which then uses the service's own stores. */
import { type Database, databaseNow, openDatabase } from "../db/client.ts";
import { pendingMigrations } from "../db/migrations.ts";
import { pause, systemClock } from "../platform/clock.ts";
import { Hops } from "../platform/hops.ts";
import { describeError } from "../platform/log.ts";
import { faultOfDeployment } from "./deploy/environments.ts";
import { StepFailed } from "./deploy/step-failed.ts";
import { giveUp, type Place } from "./flags.ts";
import type { Surroundings } from "./surroundings.ts";

export interface Directory {
  db: Database;
  /** The database for audit events, if the operator has bound one. */
  archive?: Database | undefined;
  /** The current time, from the database: the clock of the operator's computer may be wrong. */
  now: number;
}

/** Opens the database for `work`, then closes it. Returns the exit code of `work`, or 1 after an error. */
export async function withDatabase(
  place: Place,
  world: Surroundings,
  work: (directory: Directory) => Promise<number>,
): Promise<number> {
  const fault = place.remote ? faultOfDeployment(world.root, place.environment) : undefined;
  if (fault !== undefined) return giveUp(fault, world);
  let close = async () => {};
  try {
    const { DB, AUDIT_DB, dispose } = await world.openD1(place);
    close = dispose;
    const hops = new Hops(systemClock);
    const db = openDatabase(DB, hops);
    const archive = AUDIT_DB && openDatabase(AUDIT_DB, hops, "audit_d1");
    if (place.volume !== undefined) await requireMigrations(db);
    return await work({ db, archive, now: await databaseNow(db) });
  } catch (error) {
    // Ctrl-C also ends the local runtime, so the call may fail before the signal arrives. The pause lets it arrive.
    await pause(0);
    world.complain(world.stop.aborted ? "Stopped.\n" : explain(error, place));
    return 1;
  } finally {
    await close();
  }
}

/**
 * Throws if the database lacks a migration of this release. A container applies its own migrations when it starts, so
 * a migration is missing only if the container's release is older.
 */
async function requireMigrations(db: Database): Promise<void> {
  const [pending] = await pendingMigrations(db);
  if (pending === undefined) return;
  throw new StepFailed(
    `The database lacks the migration ${pending}: the container is of an earlier release than this command. ` +
      "Start the container of this release, or run the command of that one. Nothing changed.",
  );
}

function explain(error: unknown, { remote }: Place): string {
  // An error with `syscall` is about a file that can't be read or written.
  if (error instanceof StepFailed || (error instanceof Error && "syscall" in error)) return `${error.message}\n`;
  // Not `error.message`: Drizzle puts the bound values into it, such as password hashes.
  const text = describeError(error);
  const makeTables = remote ? "`npm run deploy`" : "`npm run dev` with the same state";
  const hint = text.includes("no such table") ? `It has no tables yet: ${makeTables} makes them.\n` : "";
  return `${text}\nThe database did not answer. Nothing is known to have changed.\n${hint}`;
}
