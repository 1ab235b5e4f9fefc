/** The records of one user's factors in the SQLite storage of the user's object. All methods are synchronous. */
import type { Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";
import { HOUR } from "../platform/clock.ts";
import type { Factor } from "./factor.ts";
import type { RegisteredPasskey } from "./passkeys/verify-registration.ts";

export interface TotpFactor extends Factor {
  kind: "totp";
  content: {
    /** Sealed under the user's factor key, base64url. */
    sealedSeed: string;
    /** The time step of the newest code that was used. */
    lastStep: number;
  };
}

export interface PasskeyFactor extends Factor {
  kind: "passkey";
  content: RegisteredPasskey;
}

/** Codes by email. Each code goes to the address that the user has when the code is sent. */
interface EmailFactor extends Factor {
  kind: "email";
  content: Record<string, never>;
}

export type StoredFactor = TotpFactor | PasskeyFactor | EmailFactor;

/** A factor that was never used. */
export type NewFactor = Unused<StoredFactor>;

type Unused<Stored> = Stored extends StoredFactor ? Omit<Stored, "lastUsedAt"> : never;

/** How long a new factor waits for its confirmation. */
const CONFIRMATION_TIME = 1 * HOUR;

const TABLE = "factors";
const DEFINITION = `CREATE TABLE factors (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER, content TEXT NOT NULL,
  confirm_before INTEGER
) WITHOUT ROWID`;

const SELECT =
  "SELECT id, kind, name, created_at AS createdAt, last_used_at AS lastUsedAt, content FROM factors WHERE confirm_before";

interface Row extends Record<string, SqlStorageValue> {
  id: string;
  kind: StoredFactor["kind"];
  name: string;
  createdAt: number;
  lastUsedAt: number | null;
  content: string;
}

export class FactorRecords implements Lapsing {
  readonly #tables: LazyTables;

  constructor(tables: LazyTables) {
    this.#tables = tables;
  }

  /** The active factors, oldest first. A factor that waits for its confirmation is not active. */
  list(): StoredFactor[] {
    return this.#read(`${SELECT} IS NULL ORDER BY id`);
  }

  passkeys(): PasskeyFactor[] {
    return this.list().filter((factor) => factor.kind === "passkey");
  }

  passkeyWith(credentialId: string): PasskeyFactor | undefined {
    return this.passkeys().find(({ content }) => content.credentialId === credentialId);
  }

  /** The factor that waits for its confirmation. */
  findUnconfirmed(now: number): StoredFactor | undefined {
    return this.#read(`${SELECT} > ?`, now)[0];
  }

  /** Adds a factor that is active at once. */
  add(factor: NewFactor): void {
    this.#insert(factor, null);
  }

  /**
   * Adds a factor that becomes active when it is confirmed. Removes any other factor that waits for its confirmation.
   */
  addUnconfirmed(factor: NewFactor): void {
    this.#run("DELETE FROM factors WHERE confirm_before IS NOT NULL");
    this.#insert(factor, factor.createdAt + CONFIRMATION_TIME);
  }

  confirm(id: string): void {
    this.#run("UPDATE factors SET confirm_before = NULL WHERE id = ?", id);
  }

  /** Records that a factor was used. Stores `content`, which the use may have changed. */
  use({ id, content }: Pick<StoredFactor, "id" | "content">, now: number): void {
    this.#run("UPDATE factors SET last_used_at = ?, content = ? WHERE id = ?", now, JSON.stringify(content), id);
  }

  rename(id: string, name: string): void {
    this.#run("UPDATE factors SET name = ? WHERE id = ?", name, id);
  }

  delete(id: string): void {
    this.#run("DELETE FROM factors WHERE id = ?", id);
  }

  /** Removes codes by email. A user with a stronger factor must not have these codes. */
  deleteEmail(): void {
    this.#run("DELETE FROM factors WHERE kind = 'email'");
  }

  deleteAll(): void {
    this.#run("DELETE FROM factors");
  }

  dropLapsed(now: number): void {
    this.#run("DELETE FROM factors WHERE confirm_before <= ?", now);
  }

  nextLapse(): number | undefined {
    return this.#tables.earliest(TABLE, "confirm_before");
  }

  #insert({ id, kind, name, createdAt, content }: NewFactor, confirmBefore: number | null): void {
    this.#tables.create(TABLE, DEFINITION);
    const values = [id, kind, name, createdAt, JSON.stringify(content), confirmBefore];
    this.#run("INSERT INTO factors VALUES (?, ?, ?, ?, NULL, ?, ?)", ...values);
  }

  #read(statement: string, ...bindings: SqlStorageValue[]): StoredFactor[] {
    return this.#tables
      .run<Row>(TABLE, statement, ...bindings)
      .map(({ content, ...row }) => ({ ...row, content: JSON.parse(content) }));
  }

  #run(statement: string, ...bindings: SqlStorageValue[]): void {
    this.#tables.run(TABLE, statement, ...bindings);
  }
}

/** The factor without its seed or public key, for code that only shows it. */
export function withoutContent({ content: _, ...factor }: StoredFactor): Factor {
  return factor;
}
