import type { Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";

const TABLE = "spent_tokens";
const DEFINITION = "CREATE TABLE spent_tokens (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID";

/** Something that works once: the challenge of a passkey, a pending login, or an emailed link for a login. */
export interface SingleUse {
  id: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Tokens that were used. Each is stored until it expires. */
export class SpentTokens implements Lapsing {
  readonly #tables: LazyTables;

  constructor(tables: LazyTables) {
    this.#tables = tables;
  }

  has({ id }: SingleUse): boolean {
    return this.#tables.run(TABLE, "SELECT 1 FROM spent_tokens WHERE id = ?", id).length > 0;
  }

  add({ id, expiresAt }: SingleUse): void {
    this.#tables.create(TABLE, DEFINITION);
    this.#tables.run(TABLE, "INSERT INTO spent_tokens VALUES (?, ?)", id, expiresAt);
  }

  dropLapsed(now: number): void {
    this.#tables.run(TABLE, "DELETE FROM spent_tokens WHERE expires_at <= ?", now);
  }

  nextLapse(): number | undefined {
    return this.#tables.earliest(TABLE, "expires_at");
  }
}
