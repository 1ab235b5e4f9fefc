/**
 * Prevents a user from losing both their last passkey and their password. The passkeys are in the user's object, and
 * the password is in D1. Without this check, two simultaneous requests could both succeed: one that removes the
 * passkey, and one that removes the password.
 */
import { NO_PASSWORD } from "../passwords/passwords.ts";
import { inTime } from "../platform/clock.ts";

/**
 * Changes the row only if the user has a password. Raises the user's version (`updated_at`), so that D1 then refuses
 * changes by requests that read the user earlier.
 */
const CLAIM = "UPDATE `users` SET `updated_at` = max(?, `updated_at` + 1) WHERE `id` = ? AND `password_hash` <> ?";

export class LastPasskey {
  readonly #claims = new Set<{ id: string }>();

  /** Whether the passkey with this id is about to be removed. */
  isLeaving(id: string): boolean {
    return [...this.#claims].some((claim) => claim.id === id);
  }

  /**
   * Asks D1 whether the user has a password, and passes the answer to `remove`, which may then remove the passkey.
   * Until `remove` has returned, `isLeaving` is true, and the passkey does not count as one of the user's passkeys.
   *
   * A request that removes the password reads the user, then asks this object for passkeys, and then changes the user
   * in D1, but only if the version has not changed since the read. In any order, one login method stays:
   * - If the request reads the user before `CLAIM` runs, `CLAIM` raises the version, and D1 refuses the change.
   * - If the request reads the user after `CLAIM` has run, this object no longer lists the passkey.
   * - If the request changes the user before `CLAIM` runs, `CLAIM` finds no password, and `remove` gets `false`.
   *
   * @throws if D1 does not answer in time. Then nothing is removed
   */
  async release<Result>(
    db: D1Database,
    { userId, id, now }: { userId: string; id: string; now: number },
    remove: (hasPassword: boolean) => Result,
  ): Promise<Result> {
    const claim = { id };
    this.#claims.add(claim);
    try {
      const { meta } = await inTime(db.prepare(CLAIM).bind(now, userId, NO_PASSWORD).run());
      return remove(meta.changes > 0);
    } finally {
      this.#claims.delete(claim);
    }
  }
}
