/**
 * Reads the secret that seals imported second factors. It must be the service's AUTH_SECRET, so that the service can
 * open them.
 */
import { createSecrets, type Secrets } from "../../platform/crypto.ts";
import { systemRandom } from "../../platform/random.ts";
import type { Directory } from "../database.ts";
import { StepFailed } from "../deploy/step-failed.ts";
import type { Place } from "../flags.ts";
import { openedBy, readTrustedKeys } from "../secret-proof.ts";
import { CURRENT, openLocalSecrets } from "../secrets.ts";
import type { Surroundings } from "../surroundings.ts";

/**
 * Reads the secrets of a local service from `.dev.vars`. Cloudflare and containers do not reveal `AUTH_SECRET`, so for
 * these the command asks the operator.
 *
 * @throws {StepFailed} if the secret does not open the newest signing key
 */
export async function readServiceSecrets(db: Directory["db"], place: Place, world: Surroundings): Promise<Secrets> {
  const [newest] = (await readTrustedKeys(db)).slice(-1);
  if (newest === undefined)
    throw new StepFailed(
      "There is no signing key yet that proves AUTH_SECRET, under which second factors are sealed: start the service, " +
        "and log in once.",
    );
  const isHere = !place.remote && place.volume === undefined;
  const secret = isHere
    ? (await openLocalSecrets(world, systemRandom).read())?.get(CURRENT)
    : await world.ask("The AUTH_SECRET of the service, under which second factors are sealed: ", "known-secret");
  if ((await openedBy(secret ?? "", [newest])).length === 0)
    throw new StepFailed("This is not the AUTH_SECRET of the service: it does not open the newest signing key.");
  return createSecrets(secret ?? "");
}
