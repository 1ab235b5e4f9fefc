/** Checks whether the new service has the AUTH_SECRET of the old one. Keys, links and digests depend on this secret. */
import type { SealedKey } from "../../keys/signing-key-rows.ts";
import { systemRandom } from "../../platform/random.ts";
import type { Directory } from "../database.ts";
import type { Place } from "../flags.ts";
import { openedBy, readTrustedKeys } from "../secret-proof.ts";
import { CURRENT, openLocalSecrets } from "../secrets.ts";
import type { Surroundings } from "../surroundings.ts";

interface Setting extends Pick<Directory, "db"> {
  /** The signing keys in the backup that are not revoked. */
  keys: readonly SealedKey[];
  place: Place;
  world: Surroundings;
}

/** What is wrong with the secret of the new service, if anything. */
export async function faultOfSecret({ keys, db, place, world }: Setting): Promise<string | undefined> {
  const secret = place.remote
    ? await world.ask("The AUTH_SECRET of both places: ", "known-secret")
    : (await openLocalSecrets(world, systemRandom).read())?.get(CURRENT);
  if ((await openedBy(secret ?? "", keys)).length < keys.length)
    return place.remote
      ? "This secret does not open every signing key in the file, so it is not the one of the old place. Finish a rotation of the secret there before you move."
      : "The AUTH_SECRET in .dev.vars does not open every signing key in the file. Set it to the secret of the old place.";
  // A local service also reads its secret from .dev.vars, so there is no second secret to compare.
  if (!place.remote) return undefined;
  const own = await readTrustedKeys(db);
  if (own.length === 0)
    return "The new place has no signing key yet that proves its secret: its cron job makes one within two minutes. Then run this again.";
  if ((await openedBy(secret ?? "", own.slice(-1))).length > 0) return undefined;
  return "The new place has another AUTH_SECRET: this one does not open its signing key. Set the secret of the old place there (docs/move.md).";
}
