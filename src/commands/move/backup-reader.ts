/** Reads a backup of the container or of `npm run data:export`, by running its SQL in a temporary SQLite database. */
import { createHash } from "node:crypto";
import { constants, DatabaseSync } from "node:sqlite";
import * as z from "zod";
import type { Value } from "../../db/directory-copy.ts";
import { APPLIED_MIGRATIONS } from "../../db/migrations.ts";
import { quoted, TABLES, type Table } from "../../db/tables.ts";
import { StepFailed } from "../deploy/step-failed.ts";
import { readLines } from "../import/lines.ts";
import { END_OF_BACKUP } from "./backup-writer.ts";

const QUOTE = "'".charCodeAt(0);

const nameRow = z.object({ name: z.string() });
const countRow = z.object({ count: z.number() });
const sealedKey = z.object({ id: z.string(), sealedPrivateJwk: z.string() });
const value = z.union([z.string(), z.number(), z.null()]);
const rowValues = z.record(z.string(), value);

export type Backup = Awaited<ReturnType<typeof readBackup>>;

/** @throws {StepFailed} if the file is not a complete backup */
export async function readBackup(path: string, show: (line: number) => void) {
  // With an empty name, SQLite makes a temporary file that only this process can find, and deletes it at the end.
  const database = new DatabaseSync("");
  try {
    const digest = await load(path, database, show);
    return {
      /** SHA-256 of the file, base64url. */
      digest,
      migrations: () =>
        database
          .prepare(APPLIED_MIGRATIONS)
          .all()
          .map((row) => nameRow.parse(row).name),
      count: (table: string) =>
        countRow.parse(database.prepare(`SELECT count(*) AS count FROM ${quoted(table)}`).get()).count,
      /** The signing keys that are not revoked. */
      trustedKeys: () =>
        database
          .prepare("SELECT id, sealed_private_jwk AS sealedPrivateJwk FROM signing_keys WHERE revoked_at IS NULL")
          .all()
          .map((row) => sealedKey.parse({ ...row })),
      /** Changes the temporary database, never the backup file. */
      change(sql: string, params: readonly unknown[] = []) {
        database.prepare(sql).run(...z.array(value).parse(params));
      },
      /** The rows of a table in batches, without the first `skip` rows. Each batch fits into one bound value of D1. */
      *batches({ name, columns, key }: Table, skip = 0): Generator<Value[][]> {
        const query = `SELECT ${quoted(...columns)} FROM ${quoted(name)} ORDER BY ${quoted(key)} LIMIT -1 OFFSET ${skip}`;
        let batch: Value[][] = [];
        let length = 0;
        for (const row of database.prepare(query).iterate()) {
          const values = Object.values(rowValues.parse({ ...row }));
          batch.push(values);
          length += JSON.stringify(values).length;
          if (batch.length < MOST_ROWS && length < MOST_CHARACTERS) continue;
          yield batch;
          batch = [];
          length = 0;
        }
        if (batch.length > 0) yield batch;
      },
      close: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

const MOST_ROWS = 1_000;
const MOST_CHARACTERS = 300_000;

/** Runs the statements of the file. Returns the file's SHA-256. */
async function load(path: string, database: DatabaseSync, show: (line: number) => void): Promise<string> {
  // The file's statements must not open other database files.
  database.setAuthorizer((action) =>
    action === constants.SQLITE_ATTACH ? constants.SQLITE_DENY : constants.SQLITE_OK,
  );
  database.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  const digest = createHash("sha256");
  let statement = "";
  let isOpen = false;
  let last = "";
  for await (const { number, bytes } of readLines(path)) {
    if (bytes === undefined) throw noBackup(`line ${number} is too long`);
    digest.update(bytes).update("\n");
    last = bytes.toString();
    statement += `${last}\n`;
    // Quotes in a string are doubled. So if a line has an odd number of quotes, a string begins or ends in this line.
    if (bytes.filter((byte) => byte === QUOTE).length % 2 === 1) isOpen = !isOpen;
    if (isOpen || !last.endsWith(";")) continue;
    run(database, statement, number);
    statement = "";
    if (number % 20_000 === 0) show(number);
  }
  if (last !== END_OF_BACKUP) throw noBackup("its last line is missing, so it is cut off");
  run(database, "COMMIT", 0);
  const lacking = TABLES.map(({ name }) => name).filter((name) => !hasTable(database, name));
  if (!hasTable(database, "d1_migrations")) lacking.push("d1_migrations");
  if (lacking.length > 0) throw noBackup(`it lacks ${lacking.join(", ")}`);
  return digest.digest("base64url");
}

function run(database: DatabaseSync, statement: string, line: number): void {
  try {
    database.exec(statement);
  } catch (error) {
    throw noBackup(`line ${line}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function hasTable(database: DatabaseSync, name: string): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;
}

function noBackup(reason: string): StepFailed {
  return new StepFailed(`The file is not a complete backup: ${reason}. Nothing changed.`);
}
