import type { Principal } from "../../endpoint/callers.ts";
import type { Services } from "../../endpoint/services.ts";

/** The calls with which a user changes their own factors. */
export function ownFactors({ factors }: Services, { user, authentication }: Principal) {
  return factors.changesBy({ userId: user.id, hasProvedFactor: authentication.acr === "aal2" });
}
