import type { Clock } from "../../platform/clock.ts";
import type { Secrets } from "../../platform/crypto.ts";
import type { PasskeyProof } from "../factor-proofs.ts";
import { type ChallengePurpose, openChallenge } from "./challenge.ts";
import { challengeOf } from "./client-data.ts";
import type { AuthenticationResponse } from "./credential-json.ts";

interface Services {
  clock: Clock;
  config: { passkeys: { rpId: string; origins: readonly string[] } };
  secrets: Secrets;
}

/**
 * Makes the proof that the user's object checks. Returns `undefined` if the challenge has expired, or was not made for
 * this purpose and user. Challenges for the purpose `login` are for any user.
 */
export function readPasskeyProof(
  { clock, config, secrets }: Services,
  response: AuthenticationResponse,
  purpose: Exclude<ChallengePurpose, "register">,
  userId: string,
): PasskeyProof | undefined {
  const challenge = openChallenge(purpose, challengeOf(response) ?? "", { secrets, clock });
  if (challenge === undefined || (challenge.userId ?? userId) !== userId) return undefined;
  return { kind: "passkey", response, expectation: { ...config.passkeys, challenge }, userId };
}
