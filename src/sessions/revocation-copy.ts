/**
 * What a user's record in KV does not have yet, and the writing of it. Kept in the storage of the user's object, so
 * that a copy that fails, or an object that is moved meanwhile, forgets nothing.
 */
import { SECOND } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { doublingPause } from "../platform/retry.ts";
import { type ChangedRole, type RevokedSession, writeRevocations } from "./revocations.ts";

/** KV takes one write a second for a key. */
const INTERVAL = 1 * SECOND;
const LONGEST_RETRY = 300 * SECOND;
/** How many changes the record in KV does not have yet. */
const CHANGES = "changes_not_copied";
const COPIED_AT = "copied_at";
const FAILURES = "failures";
/** The role that access tokens must say, and since which version of the user. */
const CHANGED_ROLE = "changed_role";

/** Times are milliseconds since the epoch. */
export class RevocationCopy {
  readonly #kept: SyncKvStorage;

  constructor(kept: SyncKvStorage) {
    this.#kept = kept;
  }

  /** Whether the record in KV lacks something. */
  get isBehind(): boolean {
    return this.#changes > 0;
  }

  /** When it is to be written: after a failure later and later, otherwise as soon as KV takes another write. */
  dueAt(now: number): number {
    if (this.#failures > 0) return now + doublingPause(this.#failures, INTERVAL, LONGEST_RETRY);
    return Math.max(now, (this.#kept.get<number>(COPIED_AT) ?? 0) + INTERVAL);
  }

  /** Something is no longer as the record in KV has it. */
  noteChange(): void {
    this.#kept.put(CHANGES, this.#changes + 1);
  }

  /** Of two roles the one of the later `version` counts, whichever comes first. */
  noteRole(changed: ChangedRole & { version: number }): void {
    if (changed.version < (this.#role?.version ?? 0)) return;
    this.#kept.put(CHANGED_ROLE, changed);
    this.noteChange();
  }

  /** Until when a role is told, where one is. */
  get roleUntil(): number | undefined {
    return this.#role?.refusedUntil;
  }

  dropLapsed(now: number): void {
    if ((this.roleUntil ?? now + 1) <= now) this.#kept.delete(CHANGED_ROLE);
  }

  /** Writes the record. Never throws: where KV fails it stays behind. */
  async write(kv: KVNamespace, userId: string, revoked: RevokedSession[], now: number): Promise<void> {
    const changes = this.#changes;
    try {
      await writeRevocations(kv, userId, revoked, this.#role, now);
      // A session that ended while KV answered asks for another copy.
      if (this.#changes === changes) this.#kept.delete(CHANGES);
      this.#kept.put(COPIED_AT, now);
      this.#kept.delete(FAILURES);
    } catch (error) {
      const attempts = this.#failures + 1;
      this.#kept.put(FAILURES, attempts);
      const fields = { user_id: userId, attempts, error: describeError(error) };
      writeLog("error", { event: "revocation_not_copied", ...fields });
    }
  }

  get #role(): (ChangedRole & { version: number }) | undefined {
    return this.#kept.get(CHANGED_ROLE);
  }

  get #changes(): number {
    return this.#kept.get<number>(CHANGES) ?? 0;
  }

  get #failures(): number {
    return this.#kept.get<number>(FAILURES) ?? 0;
  }
}
