import type { Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";
import { DAY } from "../platform/clock.ts";

/** A device that was not used for this long counts as new again. */
const MEMORY = 365 * DAY;
/** How many devices of a user are remembered. */
const MOST_DEVICES = 100;

const TABLE = "devices";
const DEFINITION =
  "CREATE TABLE devices (digest TEXT PRIMARY KEY, first_seen_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL) WITHOUT ROWID";

/** A device that the user logged in from, identified by a digest of what the client says about itself. */
export interface Device {
  digest: string;
  firstSeenAt: number;
  lastSeenAt: number;
}

/** The devices that a user logged in from. */
export class KnownDevices implements Lapsing {
  readonly #tables: LazyTables;

  constructor(tables: LazyTables) {
    this.#tables = tables;
  }

  /** Whether a device is known. Records its use if it is. */
  see(digest: string, now: number): boolean {
    const update = "UPDATE devices SET last_seen_at = ? WHERE digest = ? RETURNING 1";
    return this.#tables.run(TABLE, update, now, digest).length > 0;
  }

  /** Makes a device known. If too many are known, deletes the least recently used ones. */
  remember(digest: string, now: number): void {
    this.#tables.create(TABLE, DEFINITION);
    const insert =
      "INSERT INTO devices VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last_seen_at = excluded.last_seen_at";
    this.#tables.run(TABLE, insert, digest, now, now);
    this.#tables.run(
      TABLE,
      "DELETE FROM devices WHERE digest NOT IN (SELECT digest FROM devices ORDER BY last_seen_at DESC LIMIT ?)",
      MOST_DEVICES,
    );
  }

  /** Most recently used first. */
  list(): Device[] {
    return this.#tables.run<{ [Column in keyof Device]: Device[Column] }>(
      TABLE,
      "SELECT digest, first_seen_at AS firstSeenAt, last_seen_at AS lastSeenAt FROM devices ORDER BY last_seen_at DESC",
    );
  }

  forget(): void {
    this.#tables.run(TABLE, "DELETE FROM devices");
  }

  dropLapsed(now: number): void {
    this.#tables.run(TABLE, "DELETE FROM devices WHERE last_seen_at <= ?", now - MEMORY);
  }

  nextLapse(): number | undefined {
    const lastSeenAt = this.#tables.earliest(TABLE, "last_seen_at");
    return lastSeenAt === undefined ? undefined : lastSeenAt + MEMORY;
  }
}
