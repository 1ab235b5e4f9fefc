/** Reads the files of a service's state. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { revocationKey } from "../../src/sessions/revocation-record.ts";
import type { Account } from "./account.ts";

/** The ids of the account's sessions that KV lists as revoked, so that other Workers refuse them. */
export function revokedSessions(state: string, account: Account): string[] {
  const [file = ""] = globSync(join(state, "v3/kv/*/*.sqlite"));
  const row = read(file, (database) =>
    database.prepare("SELECT blob_id FROM _mf_entries WHERE key = ?").get(revocationKey(account.id)),
  );
  if (row === undefined) return [];
  const [blob] = globSync(join(state, `v3/kv/*/blobs/${row.blob_id}`));
  const text = blob === undefined ? undefined : readIfThere(blob);
  // The service has replaced the record between the two readings, so read again.
  if (text === undefined) return revokedSessions(state, account);
  return Object.keys(JSON.parse(text).sessions);
}

/** What SQLite's own check finds wrong with each database, including those of the objects. */
export function damages(state: string): string[] {
  const files = globSync(join(state, "v3/**/*.sqlite"));
  if (files.length === 0) return [`There is no database in ${state}.`];
  return files.flatMap((file) => {
    const found = read(file, (database) => database.prepare("PRAGMA quick_check").all());
    const words = found.map((row) => String(Object.values(row)[0])).filter((word) => word !== "ok");
    return words.map((word) => `${file}: ${word}`);
  });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function read<Result>(file: string, work: (database: DatabaseSync) => Result): Result {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}
