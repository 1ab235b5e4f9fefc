/**
 * Hashes and checks passwords for the rest of the service, one at a time (`hashing-lane.ts`). If a user does not exist,
 * checks a decoy hash. The rules for new passwords are in `policy.ts` and `quality.ts`.
 */
import type { Config } from "../config/config.ts";
import type { Argon2 } from "../platform/argon2.ts";
import { NO_METER } from "../platform/meter.ts";
import type { Random } from "../platform/random.ts";
import { isRefusal, refuse } from "../platform/refusal.ts";
import type { StoredHash } from "./hash-format.ts";
import type { HashingLane } from "./hashing-lane.ts";
import { readStoredHash } from "./read-hash.ts";
import { chooseEngine, decoyHash, hashPassword, needsRehash } from "./scrypt.ts";

/** Stored instead of a hash for a user without a password. No password matches it. */
export const NO_PASSWORD = "!";

export function hasPassword({ passwordHash }: { passwordHash: string }): boolean {
  return passwordHash !== NO_PASSWORD;
}

/**
 * Loaded when the first password is checked. Stored as a value, because a promise would belong to the request that
 * created it.
 */
let argon2: Argon2 | undefined;

export type Passwords = ReturnType<typeof createPasswords>;

export function createPasswords(
  config: Pick<Config["passwords"], "scrypt">,
  lane: HashingLane,
  random: Random,
  meter = NO_METER,
  engine = chooseEngine(),
) {
  const cost = config.scrypt;
  const decoy = decoyHash(cost);

  async function inTurn<Result>(work: () => Result): Promise<Result | undefined> {
    const working = lane.run(work);
    meter.noteWaiting(lane.waiting());
    const result = await working;
    if (result === undefined) meter.count("hash_lane_refused", {});
    return result;
  }

  return {
    /** Returns the PHC string of a new password, or the refusal `busy`. */
    async hash(password: string) {
      const hash = await inTurn(() => hashPassword(password, cost, random, engine));
      return hash === undefined ? refuse("busy") : { hash };
    },
    /**
     * Checks a password against a stored hash. For a user who does not exist (`undefined`), does the same work.
     * `rehashed`, if the password is right: a hash to store instead, if the old one was imported or has another cost.
     */
    async check(password: string, stored: string | undefined) {
      const reading = stored === undefined ? undefined : readStoredHash(stored, cost);
      const known = reading !== undefined && !isRefusal(reading);
      const against: StoredHash = known ? reading : decoy;
      argon2 ??= (await import("./foreign/argon2-engine.ts")).argon2;
      const engines = { scrypt: engine, argon2 };
      const matches = await inTurn(() => against.verify(password, engines) && known);
      if (matches === undefined) return refuse("busy");
      if (!known || stored === undefined || !needsRehash(stored, cost)) return { matches };
      // Rehash in a turn of its own, so that no request waits for two hashes in a row. If the lane is full, the next
      // login rehashes. Rehash even if the password is wrong: a stored hash may be cheaper to check than the decoy, and
      // without a rehash, the shorter time would reveal that the user exists.
      const rehashed = await inTurn(() => hashPassword(password, cost, random, engine));
      return matches && rehashed !== undefined ? { matches, rehashed } : { matches };
    },
  };
}
