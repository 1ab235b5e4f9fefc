/** What a database needs in addition to the tables of `migrations/` to be one of several directories. */

/**
 * The tables that move with a slot: their key, the part of the key that is the slot, and the condition for the rows
 * of the slot `?1` after the key `?2`. A slot has three digits: the last three of a user's id, which are random, or the
 * first three of another key.
 */
export const SLOTTED = {
  users: { key: "id", slot: (id: string) => `substr(${id}, -3)`, rows: "substr(id, -3) = ?1 AND id > ?2" },
  claims: beginningWithSlot("name"),
  aborted_claims: beginningWithSlot("claim_id"),
} as const;

function beginningWithSlot(key: string) {
  return { key, slot: (of: string) => `substr(${of}, 1, 3)`, rows: `${key} > max(?1, ?2) AND ${key} < ?1 || 'g'` };
}

/** The triggers' error message for a write to a slot that moves. */
export const MOVES = "this slot moves";

export const SCHEMA: readonly string[] = [
  // A claim says who may take a name. Only the user's row says who has the name, because a claim can be left over.
  `CREATE TABLE claims (
    name TEXT PRIMARY KEY, user_id TEXT NOT NULL, claim_id TEXT NOT NULL, claimed_at INTEGER NOT NULL
  ) WITHOUT ROWID`,
  // Claims that another change has found unused. They can no longer give a user a name.
  "CREATE TABLE aborted_claims (claim_id TEXT PRIMARY KEY) WITHOUT ROWID",
  // Slots that can't be written here: they are being copied, or have moved to another directory.
  "CREATE TABLE moves (slot TEXT PRIMARY KEY, moved_to INTEGER) WITHOUT ROWID",
  "CREATE INDEX users_slot ON users (substr(id, -3), id)",
  // Triggers refuse writes to these slots, so that the service's statements need not know about moves.
  ...Object.entries(SLOTTED).flatMap(([table, { key, slot }]) =>
    ["INSERT", "UPDATE", "DELETE"].map(
      (write) =>
        `CREATE TRIGGER ${table}_${write.toLowerCase()}_moves BEFORE ${write} ON ${table}
           WHEN EXISTS (SELECT 1 FROM moves WHERE slot = ${slot(`${write === "INSERT" ? "NEW" : "OLD"}.${key}`)})
           BEGIN SELECT RAISE(ABORT, '${MOVES}'); END`,
    ),
  ),
];
