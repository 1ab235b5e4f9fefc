/** `npm run data:export`: writes the whole database to a file, to move a service to another place. */
import { resolve } from "node:path";
import { createDirectorySource, type Value } from "../db/directory-copy.ts";
import { appliedMigrations } from "../db/migrations.ts";
import { ARCHIVED_EVENTS, AUDIT_EVENTS, TABLES, type Table } from "../db/tables.ts";
import { type Directory, withDatabase } from "./database.ts";
import { giveUp, PLACE_FLAGS, PLACE_USAGE, readFlags, understandCommand } from "./flags.ts";
import { openBackup } from "./move/backup-writer.ts";
import { faultOfRelease } from "./move/same-release.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run data:export -- <file> [flags]

Writes users, signing keys, audit events and everything else in the database to a new file, as SQL. The container's
restore and \`npm run data:import\` read it. Stop the service first: docs/move.md says how.

${PLACE_USAGE}
`;

const ROWS_A_PAGE = 1_000;

/** Runs the command. Returns its exit code. */
export async function exportData(argv: readonly string[], world: Surroundings): Promise<number> {
  const command = understandCommand(readFlags(argv, PLACE_FLAGS, true), USAGE, world, ({ positionals, values }) => {
    if (values.volume !== undefined) return "A container has its own `backup` for this: see docs/move.md.";
    return positionals.length === 1 ? undefined : "This takes the name of one new file.";
  });
  if (typeof command === "number") return command;
  // The path is relative to the folder in which the user typed the command. npm sets INIT_CWD to this folder.
  const file = resolve(process.env.INIT_CWD ?? ".", command.positionals[0] ?? "");
  return withDatabase(command.place, world, (directory) => writeAll(file, directory, world));
}

async function writeAll(file: string, { db, archive }: Directory, world: Surroundings): Promise<number> {
  const fault = faultOfRelease("The database", await appliedMigrations(db));
  if (fault !== undefined) return giveUp(fault, world);
  const source = createDirectorySource(db, archive);
  const { tables, indexes } = await source.statements();
  const before = await source.summaries();
  const total = before.reduce((sum, { count }) => sum + count, 0);
  const backup = openBackup(file);
  let written = 0;
  let isComplete = false;
  try {
    backup.statements(tables);
    for await (const { table, rows } of allPages(source)) {
      backup.rows(table, rows);
      if (table !== MIGRATION_NOTES) written += rows.length;
      world.show(`${written.toLocaleString("en")} of ${total.toLocaleString("en")} rows`);
      if (world.stop.aborted) {
        world.complain("\nStopped. No file was left. Run it again: it begins at the first row.\n");
        return 1;
      }
    }
    backup.statements(indexes);
    // The pages of rows were read one after another. They fit together only if nothing was written in between.
    if (JSON.stringify(await source.summaries()) !== JSON.stringify(before))
      return giveUp("\nThe service wrote to the database while it was read. Stop it first (docs/move.md).", world);
    isComplete = true;
  } finally {
    backup.close(isComplete);
  }
  world.say(`
Wrote ${file} with ${written.toLocaleString("en")} rows. Only you can read it. It contains password hashes and email
addresses: delete it when the move is done. Sessions are not in it: everyone logs in again. The new place needs the same
AUTH_SECRET, which is not in the file.
`);
  return 0;
}

/** Wrangler's own table, which lists the applied migrations. */
const MIGRATION_NOTES: Table = { name: "d1_migrations", columns: ["id", "name", "applied_at"], key: "id" };

async function* allPages(source: ReturnType<typeof createDirectorySource>) {
  for (const table of [MIGRATION_NOTES, ...TABLES])
    for await (const rows of pages(table, (after) => source.page(table, after, ROWS_A_PAGE))) yield { table, rows };
  // In the file, the events of both databases are in the events table of `DB`, because a service without `AUDIT_DB`
  // looks for them there. An event that is in both databases is written once.
  for await (const rows of pages(ARCHIVED_EVENTS, (after) => source.archivedPage(after, ROWS_A_PAGE))) {
    const idOf = (row: Value[]) => row[ARCHIVED_EVENTS.columns.indexOf(ARCHIVED_EVENTS.key)] ?? null;
    const staged = await source.staged(rows.map(idOf));
    yield { table: AUDIT_EVENTS, rows: rows.filter((row) => !staged.has(idOf(row))) };
  }
}

async function* pages(table: Table, read: (after: Value) => Promise<Value[][]>): AsyncGenerator<Value[][]> {
  const key = table.columns.indexOf(table.key);
  let after: Value = null;
  let rows: Value[][];
  do {
    rows = await read(after);
    if (rows.length > 0) yield rows;
    after = rows.at(-1)?.[key] ?? null;
  } while (rows.length === ROWS_A_PAGE);
}

if (import.meta.main) await endWith(await exportData(process.argv.slice(2), here()));
