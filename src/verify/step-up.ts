/** Step-up authentication (RFC 9470): checks how, and how recently, the user of a request has logged in. */
import { type AccessTokenClaims, AUTHENTICATION_LEVELS, type AuthenticationLevel } from "./claims.ts";
import { SECOND } from "./clock.ts";

export interface AuthenticationDemand {
  /** The lowest level that may pass: `aal2` lets only users with a second factor pass. */
  acr?: AuthenticationLevel;
  /** The longest time since the user last proved who they are, in seconds. */
  maxAge?: number;
}

/** What a token lacks, and the parameters of the response that state the demand. */
export interface MissingAuthentication {
  reason: string;
  parameters: { acr_values?: string; max_age?: number };
}

/**
 * Returns what a token lacks; `undefined` if it meets the demand. A token without `acr` does not meet a demand for a
 * level, and a token without `auth_time` does not meet a demand for an age.
 *
 * @param now milliseconds since the epoch
 *
 * @throws {TypeError} if the demand is wrong, so that a typo lets no request pass
 */
export function missingAuthentication(
  { acr, auth_time }: Pick<AccessTokenClaims, "acr" | "auth_time">,
  options: AuthenticationDemand,
  now: number,
): MissingAuthentication | undefined {
  const parameters: MissingAuthentication["parameters"] = {};
  const reasons: string[] = [];
  // An option that is present but `undefined` is also a mistake.
  if ("acr" in options) {
    const required = rankOf(options.acr);
    if (required === -1) throw new TypeError(`requireAuth knows no acr "${options.acr}".`);
    parameters.acr_values = String(options.acr);
    if (rankOf(acr) < required) reasons.push(`A login at level ${options.acr} is required.`);
  }
  if ("maxAge" in options) {
    const { maxAge = 0 } = options;
    if (!(maxAge >= 1)) throw new TypeError("requireAuth takes a `maxAge` of at least 1 second.");
    parameters.max_age = maxAge;
    if (auth_time === undefined || now / SECOND - auth_time > maxAge) {
      reasons.push("A more recent login is required.");
    }
  }
  return reasons.length === 0 ? undefined : { reason: reasons.join(" "), parameters };
}

/** The index of a level, from the lowest; -1 for a value that is not a level. */
function rankOf(acr: string | undefined): number {
  const levels: readonly (string | undefined)[] = AUTHENTICATION_LEVELS;
  return levels.indexOf(acr);
}
