import type { Lapsing } from "../objects/lapsing.ts";
import type { LazyTables } from "../objects/lazy-tables.ts";
import type { TrustedDevice } from "./trusted-device.ts";

/** More than a person uses. Limits how much an object stores. */
const MOST_TRUSTED = 20;

const TABLE = "trusted_devices";
const DEFINITION = `CREATE TABLE trusted_devices (
  id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, device_name TEXT, user_agent TEXT, created_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, session_id TEXT NOT NULL
) WITHOUT ROWID`;

const SELECT = `SELECT id, epoch, device_name AS deviceName, user_agent AS userAgent, created_at AS createdAt,
  last_used_at AS lastUsedAt, expires_at AS expiresAt, session_id AS sessionId FROM trusted_devices`;

/**
 * The devices that one user trusts, in the user's object. The object stores no secret, because each device keeps its
 * own sealed token.
 */
export class TrustedDeviceRecords implements Lapsing {
  readonly #tables: LazyTables;

  constructor(tables: LazyTables) {
    this.#tables = tables;
  }

  /** Newest first. */
  list(now: number): TrustedDevice[] {
    return this.#tables.run<{ [Column in keyof TrustedDevice]: TrustedDevice[Column] }>(
      TABLE,
      `${SELECT} WHERE expires_at > ? ORDER BY id DESC`,
      now,
    );
  }

  /** Adds a trusted device. If there are then too many, removes the oldest one. */
  add(device: TrustedDevice): void {
    this.#tables.create(TABLE, DEFINITION);
    this.#run(
      "INSERT INTO trusted_devices VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      device.id,
      device.epoch,
      device.deviceName,
      device.userAgent,
      device.createdAt,
      device.lastUsedAt,
      device.expiresAt,
      device.sessionId,
    );
    this.#run(
      "DELETE FROM trusted_devices WHERE id NOT IN (SELECT id FROM trusted_devices ORDER BY id DESC LIMIT ?)",
      MOST_TRUSTED,
    );
  }

  /** Whether a device is trusted. If it is, records the session that is opened from it. */
  use(id: string, { epoch, sessionId, now }: { epoch: number; sessionId: string; now: number }): boolean {
    const update =
      "UPDATE trusted_devices SET last_used_at = ?, session_id = ? WHERE id = ? AND epoch = ? AND expires_at > ? RETURNING 1";
    return this.#run(update, now, sessionId, id, epoch, now).length > 0;
  }

  /** `false` if no device with this id is trusted. */
  remove(id: string): boolean {
    return this.#run("DELETE FROM trusted_devices WHERE id = ? RETURNING 1", id).length > 0;
  }

  /** Returns how many there were. */
  removeAll(): number {
    return this.#run("DELETE FROM trusted_devices RETURNING 1").length;
  }

  /** Removes devices of earlier session epochs, such as devices that were trusted before a password change. */
  removeBefore(epoch: number): void {
    this.#run("DELETE FROM trusted_devices WHERE epoch < ?", epoch);
  }

  dropLapsed(now: number): void {
    this.#run("DELETE FROM trusted_devices WHERE expires_at <= ?", now);
  }

  nextLapse(): number | undefined {
    return this.#tables.earliest(TABLE, "expires_at");
  }

  #run(statement: string, ...bindings: SqlStorageValue[]) {
    return this.#tables.run(TABLE, statement, ...bindings);
  }
}
