/** What a database needs beside the tables of `migrations/` to be one directory of several. */

/**
 * The tables that move with a slot: their key, the slot in it, and how the rows of the slot `?1` after the key `?2` are
 * found. The three digits of a slot are the last of a user's id, which are random, and the first of other keys.
 */
export const SLOTTED = {
  users: { key: "id", slot: (id: string) => `substr(${id}, -3)`, rows: "substr(id, -3) = ?1 AND id > ?2" },
  claims: beginningWithSlot("name"),
  aborted_claims: beginningWithSlot("claim_id"),
} as const;

function beginningWithSlot(key: string) {
  return { key, slot: (of: string) => `substr(${of}, 1, 3)`, rows: `${key} > max(?1, ?2) AND ${key} < ?1 || 'g'` };
}

/** In the message of a write that a move refuses. */
export const MOVES = "this slot moves";

export const SCHEMA: readonly string[] = [
  // Who may take a name. Only the user's row says who has it: a claim can be left over.
  `CREATE TABLE claims (
    name TEXT PRIMARY KEY, user_id TEXT NOT NULL, claim_id TEXT NOT NULL, claimed_at INTEGER NOT NULL
  ) WITHOUT ROWID`,
  // Claims that someone else has found unused. No user can be given a name by one of them any more.
  "CREATE TABLE aborted_claims (claim_id TEXT PRIMARY KEY) WITHOUT ROWID",
  // Slots that can't be written here: they are being copied, or have moved to another directory.
  "CREATE TABLE moves (slot TEXT PRIMARY KEY, moved_to INTEGER) WITHOUT ROWID",
  "CREATE INDEX users_slot ON users (substr(id, -3), id)",
  // Triggers, so that no statement of the service has to know of moves.
  ...Object.entries(SLOTTED).flatMap(([table, { key, slot }]) =>
    ["INSERT", "UPDATE", "DELETE"].map(
      (write) =>
        `CREATE TRIGGER ${table}_${write.toLowerCase()}_moves BEFORE ${write} ON ${table}
           WHEN EXISTS (SELECT 1 FROM moves WHERE slot = ${slot(`${write === "INSERT" ? "NEW" : "OLD"}.${key}`)})
           BEGIN SELECT RAISE(ABORT, '${MOVES}'); END`,
    ),
  ),
];
