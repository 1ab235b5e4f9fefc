/** Opens users' factor keys (`factors/factor-key.ts`), and seals them again after a change of `AUTH_SECRET`. */
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

/** How many keys one call of `resealFactorKeys` reads. */
const KEYS_AT_ONCE = 200;

/**
 * Returns the user's factor key, and creates it if the user has none yet.
 *
 * @throws {Error} if the user was deleted, or if neither `AUTH_SECRET` nor `AUTH_SECRET_PREVIOUS` opens the key. In the
 *   second case, an operator must set `AUTH_SECRET_PREVIOUS` to the secret that sealed the key
 */
export async function factorKeyOf({ factorKeys, random, secrets }: Services, user: User): Promise<string> {
  const { id } = user;
  const sealed = user.factorKey ?? (await factorKeys.keep(id, await createFactorKey(id, secrets, random)));
  const key = sealed === undefined ? undefined : await openFactorKey(id, sealed, secrets);
  if (key === undefined) throw new Error("The user's factor key can't be opened, or the user was deleted.");
  return key;
}

/**
 * Seals some factor keys again under the current secret, if another secret has sealed them. Call it with the result of
 * the previous call as `after`, until it returns `undefined`. Skips and logs a key that neither secret opens.
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
