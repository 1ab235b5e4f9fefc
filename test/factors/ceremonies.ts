/** Ceremonies (WebAuthn's steps to add or use a passkey) with a software authenticator, without HTTP and storage. */
import { type ChallengePurpose, createChallenge, openChallenge } from "../../src/factors/passkeys/challenge.ts";
import { authenticationResponse, registrationResponse } from "../../src/factors/passkeys/credential-json.ts";
import type { Expectation } from "../../src/factors/passkeys/expectation.ts";
import { creationOptions, requestOptions } from "../../src/factors/passkeys/options.ts";
import { type StoredPasskey, verifyAssertion } from "../../src/factors/passkeys/verify-assertion.ts";
import { verifyRegistration } from "../../src/factors/passkeys/verify-registration.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { isRefusal, refuse } from "../../src/platform/refusal.ts";

export const RP_ID = "example.org";
export const ORIGIN = "https://auth.example.org";
export const USER_ID = "01890a5d-ac96-774b-bcce-b302099a8057";

const NOW = 1_790_000_000_000;
export const clockAt = (now: number) => ({ now: () => now });
export const sealing = {
  secrets: createSecrets("a-secret-for-tests-that-is-long-enough-to-pass"),
  clock: clockAt(NOW),
  random: systemRandom,
};

export function newChallenge(purpose: ChallengePurpose, userId: string | null = USER_ID): string {
  return createChallenge(purpose, userId ?? undefined, sealing);
}

function expectationOf(purpose: ChallengePurpose, challenge: string): Expectation {
  const opened = openChallenge(purpose, challenge, sealing);
  if (opened === undefined) throw new Error("The challenge is not valid.");
  return { challenge: opened, origins: ["https://example.org", ORIGIN], rpId: RP_ID };
}

export function registrationOptions(challenge = newChallenge("register")) {
  const user = { id: USER_ID, name: "ada@example.org", displayName: "Ada" };
  return creationOptions({ rp: { id: RP_ID, name: "Example" }, user, challenge, existing: [] });
}

export function assertionOptions(challenge = newChallenge("login", null)) {
  return requestOptions(RP_ID, challenge);
}

/** The service's verdict on the JSON of a new passkey. If the schema refuses the JSON, the reason is `schema`. */
export async function judgeRegistration(json: unknown, challenge: string) {
  const parsed = registrationResponse.safeParse(json);
  if (!parsed.success) return refuse("invalid_passkey", { reason: "schema" });
  return verifyRegistration(parsed.data, expectationOf("register", challenge));
}

/** The service's verdict on the JSON of a passkey's use. */
export async function judgeAssertion(json: unknown, stored: StoredPasskey, challenge: string) {
  const parsed = authenticationResponse.safeParse(json);
  if (!parsed.success) return refuse("invalid_passkey", { reason: "schema" });
  return verifyAssertion(parsed.data, stored, expectationOf("login", challenge));
}

/** Registers a passkey. Returns the passkey as the service stores it. */
export async function acceptRegistration(json: unknown, challenge: string): Promise<StoredPasskey> {
  const outcome = await judgeRegistration(json, challenge);
  if (isRefusal(outcome)) throw new Error(outcome.details.reason);
  return { ...outcome, userId: USER_ID };
}
