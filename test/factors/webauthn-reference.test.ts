/** Compares our verdicts with those of a widely used implementation. Each difference has its reason next to it. */
import {
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  type VerifiedRegistrationResponse,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { describe, expect, it } from "vitest";
import { isRefusal } from "../../src/platform/refusal.ts";
import { type Authenticator, createAuthenticator, type Tweak } from "../support/authenticator.ts";
import type { CborInput } from "../support/cbor.ts";
import {
  acceptRegistration,
  assertionOptions,
  judgeAssertion,
  judgeRegistration,
  ORIGIN,
  RP_ID,
  registrationOptions,
} from "./ceremonies.ts";
import { ASSERTIONS } from "./faulty-responses/assertions.ts";
import { REGISTRATIONS } from "./faulty-responses/registrations.ts";
import type { FaultyResponse } from "./faulty-responses/shared.ts";

const authenticatorOf = (algorithm: number) => createAuthenticator({ rpId: RP_ID, origin: ORIGIN, algorithm });
const expected = { expectedOrigin: ORIGIN, expectedRPID: RP_ID, requireUserVerification: true };

type Registration = VerifiedRegistrationResponse["registrationInfo"];

/** What the reference implementation stores of a new passkey. `undefined` if it refuses the passkey. */
async function referenceRegistration(
  response: RegistrationResponseJSON,
  expectedChallenge: string,
): Promise<Registration> {
  try {
    const supportedAlgorithmIDs = [-7, -8, -257];
    const verdict = await verifyRegistrationResponse({
      response,
      expectedChallenge,
      ...expected,
      supportedAlgorithmIDs,
    });
    return verdict.verified ? verdict.registrationInfo : undefined;
  } catch {
    return undefined;
  }
}

async function referenceAccepts(
  response: AuthenticationResponseJSON,
  expectedChallenge: string,
  registration: Registration,
): Promise<boolean> {
  if (registration === undefined) throw new Error("The reference did not accept the passkey.");
  const { credential } = registration;
  try {
    return (await verifyAuthenticationResponse({ response, expectedChallenge, ...expected, credential })).verified;
  } catch {
    return false;
  }
}

async function register(authenticator: Authenticator, tweak: Tweak = {}) {
  const options = registrationOptions();
  const json = JSON.parse(JSON.stringify(await authenticator.register(options, tweak)));
  const ours = await judgeRegistration(json, options.challenge);
  return { json, challenge: options.challenge, ours, theirs: await referenceRegistration(json, options.challenge) };
}

const of = (responses: readonly FaultyResponse[], algorithm: number) =>
  responses.filter((response) => (response.algorithm ?? algorithm) === algorithm);

describe.each([-7, -8, -257])("another implementation, with a passkey of algorithm %i,", (algorithm) => {
  it("accepts it as this one does, with the same content", async () => {
    const authenticator = authenticatorOf(algorithm);
    const { json, challenge, ours, theirs } = await register(authenticator);
    expect(ours).toMatchObject({
      credentialId: theirs?.credential.id,
      counter: theirs?.credential.counter,
      aaguid: theirs?.aaguid,
      isBackedUp: theirs?.credentialBackedUp,
      isBackupEligible: theirs?.credentialDeviceType === "multiDevice",
    });
    const stored = await acceptRegistration(json, challenge);
    const options = assertionOptions();
    const use = JSON.parse(JSON.stringify(await authenticator.authenticate(options)));
    expect(isRefusal(await judgeAssertion(use, stored, options.challenge))).toBe(false);
    expect(await referenceAccepts(use, options.challenge, theirs)).toBe(true);
  });

  it.each(of(REGISTRATIONS, algorithm))(
    "agrees about a registration with $name",
    async ({ tweak, acceptedElsewhere }) => {
      const { ours, theirs } = await register(authenticatorOf(algorithm), tweak);
      expect(isRefusal(ours)).toBe(true);
      if (theirs !== undefined) expect(acceptedElsewhere).toBeDefined();
    },
  );

  it("agrees about each wrong use", async () => {
    const authenticator = authenticatorOf(algorithm);
    const { json, challenge, theirs } = await register(authenticator);
    const stored = await acceptRegistration(json, challenge);
    for (const { name, tweak, acceptedElsewhere } of of(ASSERTIONS, algorithm)) {
      const options = assertionOptions();
      const use = JSON.parse(JSON.stringify(await authenticator.authenticate(options, tweak)));
      expect(isRefusal(await judgeAssertion(use, stored, options.challenge)), name).toBe(true);
      if (await referenceAccepts(use, options.challenge, theirs)) expect(acceptedElsewhere, name).toBeDefined();
    }
  });
});

describe("what another implementation refuses and this one accepts", () => {
  const statement = new Map<CborInput, CborInput>([
    ["alg", -7],
    ["sig", new Uint8Array(70)],
  ]);

  it.each([
    ["a statement of no attestation that is not empty", { attestation: { fmt: "none", attStmt: statement } }],
    ["an attestation with a wrong signature", { attestation: { fmt: "packed", attStmt: statement } }],
    ["a format of attestation that it doesn't know", { attestation: { fmt: "tomorrow", attStmt: statement } }],
    ["no second copy of the id", { json: { rawId: undefined } }],
  ])("is a registration with %s, which proves nothing that is stored", async (_, tweak) => {
    const { ours, theirs } = await register(authenticatorOf(-7), tweak);
    expect(isRefusal(ours)).toBe(false);
    expect(theirs).toBeUndefined();
  });

  it("is a counter that falls back, which is reported", async () => {
    const authenticator = authenticatorOf(-7);
    const { json, challenge, theirs } = await register(authenticator, { counter: 7 });
    const stored = await acceptRegistration(json, challenge);
    const options = assertionOptions();
    const use = JSON.parse(JSON.stringify(await authenticator.authenticate(options, { counter: 6 })));
    expect(await judgeAssertion(use, stored, options.challenge)).toMatchObject({ hasCounterFallenBack: true });
    expect(await referenceAccepts(use, options.challenge, theirs)).toBe(false);
  });
});
