/** The factor keys of users: opened for the users' objects, and sealed again after a change of `AUTH_SECRET`. */
import { createFactorKey, openFactorKey, resealFactorKey } from "../factors/factor-key.ts";
import type { Secrets } from "../platform/crypto.ts";
import type { Random } from "../platform/random.ts";
import type { FactorKeyStore } from "../users/factor-keys.ts";
import type { User } from "../users/user.ts";

interface Services {
  factorKeys: FactorKeyStore;
  random: Random;
  secrets: Secrets;
}

/** How many keys are sealed again at once. */
const KEYS_AT_ONCE = 200;

/**
 * The user's factor key, which is created with the first factor.
 *
 * @throws {Error} if the user has been deleted, or if neither secret opens the key: an operator must restore
 *   `AUTH_SECRET_PREVIOUS`
 */
export async function factorKeyOf({ factorKeys, random, secrets }: Services, user: User): Promise<string> {
  const { id } = user;
  const sealed = user.factorKey ?? (await factorKeys.keep(id, await createFactorKey(id, secrets, random)));
  const key = sealed === undefined ? undefined : await openFactorKey(id, sealed, secrets);
  if (key === undefined) throw new Error("The user's factor key can't be opened.");
  return key;
}

/**
 * Seals the factor keys again that the previous secret has sealed. Returns what the next step takes; `undefined` after
 * the last one. A key that neither secret opens is skipped, and logged.
 */
export async function resealFactorKeys(
  { factorKeys, random, secrets }: Services,
  after = "",
): Promise<string | undefined> {
  const keys = await factorKeys.listSealedByOthers(secrets.name, after, KEYS_AT_ONCE);
  const replaced = await Promise.all(
    keys.map(async (key) => {
      const by = await resealFactorKey(key.userId, key.sealed, secrets, random);
      return by === undefined ? [] : [{ ...key, by }];
    }),
  );
  if (replaced.flat().length > 0) await factorKeys.replace(replaced.flat());
  return keys.length < KEYS_AT_ONCE ? undefined : keys.at(-1)?.sealed;
}
