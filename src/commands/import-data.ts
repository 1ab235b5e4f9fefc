/**
 * `npm run data:import`: fills a new service from the backup of another one. Every session ends, because a new service
 * has no sessions. But if this Cloudflare account or volume had a service before, its session objects still exist. So
 * the import also raises every user's session epoch, which ends the sessions in those objects.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { createDirectoryTarget, type ImportEvent } from "../db/directory-copy.ts";
import { appliedMigrations } from "../db/migrations.ts";
import { SIGNING_KEYS, TABLES } from "../db/tables.ts";
import { createId, systemRandom } from "../platform/random.ts";
import { logOutCopy } from "../users/mass-logout.ts";
import { type Directory, withDatabase } from "./database.ts";
import { giveUp, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, understandCommand } from "./flags.ts";
import { archiveEvents } from "./move/archive-events.ts";
import { type Backup, readBackup } from "./move/backup-reader.ts";
import { faultOfSecret } from "./move/carried-secret.ts";
import { faultOfRelease } from "./move/same-release.ts";
import { endWith, hereForSecret, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run data:import -- <file> [flags]

Fills a service that has no users from a backup of the container or of \`npm run data:export\`. The service must have the
AUTH_SECRET of the old place. With --remote the command asks for it (or reads it from a pipe), because Cloudflare does
not show it. docs/move.md explains the whole move.

${PLACE_USAGE}
`;

/**
 * Added to the sequence numbers of the imported keys. Isolates recognize a change of the keys by the highest number.
 * Without the addition, the imported keys could have the same numbers as the keys that they replace.
 */
const KEY_SEQUENCES = 1_000;

/** The tables whose rows `addRows` adds. The rows of signing keys were added earlier, by `begin`. */
const MOVED = TABLES.filter(({ name }) => name !== SIGNING_KEYS.name);

interface Import extends Directory {
  backup: Backup;
  place: Place;
  world: Surroundings;
}

/** Runs the command. Returns its exit code. */
export async function importData(argv: readonly string[], world: Surroundings): Promise<number> {
  const command = understandCommand(readFlags(argv, PLACE_FLAGS, true), USAGE, world, ({ positionals, values }) => {
    if (values.volume !== undefined) return "A container has its own `restore` for this: see docs/move.md.";
    return positionals.length === 1 ? undefined : "This takes the name of one file.";
  });
  if (typeof command === "number") return command;
  const { place, positionals } = command;
  // The path is relative to the folder in which the user typed the command. npm sets INIT_CWD to this folder.
  const file = resolve(process.env.INIT_CWD ?? ".", positionals[0] ?? "");
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return giveUp(`There is no file ${file}.`, world);
  return withDatabase(place, world, async (directory) => {
    const backup = await readBackup(file, (line) => world.show(`Read ${line.toLocaleString("en")} lines`));
    try {
      return await moveIn({ ...directory, backup, place, world });
    } finally {
      backup.close();
    }
  });
}

async function moveIn(setting: Import): Promise<number> {
  const { backup, db, now, world } = setting;
  const target = createDirectoryTarget(db);
  const fault =
    faultOfRelease("The file", backup.migrations()) ?? faultOfRelease("The new place", await appliedMigrations(db));
  if (fault !== undefined) return giveUp(fault, world);
  const found = await target.findImport(backup.digest);
  if (found?.users !== undefined) {
    world.say(`This file was imported already, with ${found.users.toLocaleString("en")} users. Nothing changed.\n`);
    return 0;
  }
  const refusal = found === undefined ? await faultOfStart(setting) : undefined;
  if (refusal !== undefined) return giveUp(refusal, world);

  const logout = logOutCopy(db, now);
  backup.change(logout.sql, logout.params);
  backup.change(`UPDATE signing_keys SET sequence = sequence + ${KEY_SEQUENCES}`);
  const event = found ?? (await begin(setting));
  return addAll(event, setting);
}

/** Why this import can't begin, if anything prevents it. An import that has begun is continued without these checks. */
async function faultOfStart(setting: Import): Promise<string | undefined> {
  const people = await createDirectoryTarget(setting.db).countPeople();
  if (people > 0)
    return `The new place has ${people.toLocaleString("en")} users or registrations already. Import into a service without any (docs/move.md).`;
  return faultOfSecret({ ...setting, keys: setting.backup.trustedKeys() });
}

async function begin({ backup, db, now }: Import): Promise<ImportEvent> {
  const event = { id: createId(now, systemRandom), file: backup.digest, rows: 0 };
  await createDirectoryTarget(db).begin(event, now, [...backup.batches(SIGNING_KEYS)].flat());
  return event;
}

async function addAll(event: ImportEvent, setting: Import): Promise<number> {
  const { backup, db, place, world } = setting;
  let isComplete = false;
  try {
    const rows = await addRows(event, setting);
    if (rows === undefined) return 1;
    const users = backup.count("users");
    await createDirectoryTarget(db).note({ ...event, rows, users });
    isComplete = true;
    world.say(describeEnd(users, place));
    return 0;
  } finally {
    if (!isComplete) world.complain("\nThe new place is incomplete: run the same command again to go on.\n");
  }
}

/**
 * Adds the rows that earlier runs have not added. Returns how many rows the tables in `MOVED` have in the backup, or
 * `undefined` if the user stopped the command.
 */
async function addRows(event: ImportEvent, { archive, backup, db, world }: Import): Promise<number | undefined> {
  const target = createDirectoryTarget(db);
  const counts = MOVED.map(({ name }) => backup.count(name));
  const total = counts.reduce((sum, count) => sum + count, 0);
  let rows = 0;
  for (const [index, table] of MOVED.entries()) {
    const skipped = Math.min(counts[index] ?? 0, Math.max(0, event.rows - rows));
    rows += skipped;
    for (const values of backup.batches(table, skipped)) {
      rows += values.length;
      const left = archive === undefined ? values : await archiveEvents(archive, db, table, values);
      await target.add(table, left, { ...event, rows });
      world.show(`${rows.toLocaleString("en")} of ${total.toLocaleString("en")} rows`);
      if (world.stop.aborted) return undefined;
    }
  }
  return rows;
}

function describeEnd(users: number, { remote, environment }: Place): string {
  const flags = `${remote ? " --remote" : ""}${environment === undefined ? "" : ` --env ${environment}`}`;
  return `
Imported ${users.toLocaleString("en")} users, with everything else in the file. All users have to log in again: earlier sessions are not accepted here.
Other verifiers accept earlier access tokens until these expire. To make verifiers refuse them within 6 minutes:
  npm run keys:rotate -- --emergency${flags}
Now lead your domain here, and delete the file.
`;
}

if (import.meta.main) await endWith(await importData(process.argv.slice(2), hereForSecret()));
