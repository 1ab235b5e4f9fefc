/**
 * Keeps the last passkey of a user without a password. The passkeys are in the user's object and the password is in D1,
 * so two requests at the same time, one for each, could leave the user without both.
 */
import { NO_PASSWORD } from "../passwords/passwords.ts";
import { inTime } from "../platform/clock.ts";

/** Also begins a new version of the user, so that D1 refuses a change by anyone who read the user before. */
const CLAIM = "UPDATE `users` SET `updated_at` = max(?, `updated_at` + 1) WHERE `id` = ? AND `password_hash` <> ?";

export class LastPasskey {
  readonly #claims = new Set<{ id: string }>();

  /** Whether the passkey with this id is about to be removed. */
  isLeaving(id: string): boolean {
    return [...this.#claims].some((claim) => claim.id === id);
  }

  /**
   * Asks D1 whether the user has a password, and passes the answer to `remove`, which may then remove the passkey.
   * Until it has, the passkey is leaving: it does not count as one.
   *
   * A request that removes the password reads the user, then asks this object for passkeys, then changes the user if
   * they still have the version that was read. If it reads the user before the claim, the version is another one by
   * then. If it reads the user after the claim, the passkey does not count any more. And after it has changed the user,
   * D1 knows of no password here.
   *
   * @throws if D1 does not answer: then nothing is removed
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
