import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StoredPasskey } from "../../src/factors/passkeys/verify-assertion.ts";
import { concatBytes, decodeBase64url, encodeBase64url } from "../../src/platform/encoding.ts";
import { isRefusal } from "../../src/platform/refusal.ts";
import { type Authenticator, createAuthenticator, FLAGS, type Tweak } from "../support/authenticator.ts";
import { type CborInput, encodeCbor } from "../support/cbor.ts";
import {
  acceptRegistration,
  assertionOptions,
  judgeAssertion,
  judgeRegistration,
  ORIGIN,
  RP_ID,
  registrationOptions,
  USER_ID,
} from "./ceremonies.ts";
import { ASSERTIONS, PADDED } from "./faulty-responses/assertions.ts";
import { REGISTRATIONS } from "./faulty-responses/registrations.ts";
import type { FaultyResponse } from "./faulty-responses/shared.ts";

const ALGORITHMS = [-7, -8, -257];

const authenticatorOf = (algorithm = -7, isSynced = true) =>
  createAuthenticator({ rpId: RP_ID, origin: ORIGIN, algorithm, isSynced });

async function tryRegistration(authenticator: Authenticator, tweak: Tweak = {}) {
  const options = registrationOptions();
  return judgeRegistration(await authenticator.register(options, tweak), options.challenge);
}

async function register(authenticator: Authenticator): Promise<StoredPasskey> {
  const options = registrationOptions();
  return acceptRegistration(await authenticator.register(options), options.challenge);
}

async function tryAssertion(authenticator: Authenticator, stored: StoredPasskey, tweak: Tweak = {}) {
  const options = assertionOptions();
  return judgeAssertion(await authenticator.authenticate(options, tweak), stored, options.challenge);
}

function expectRefusal(outcome: object, reason: FaultyResponse["reason"]): void {
  expect(outcome).toMatchObject({ code: "invalid_passkey" });
  const said = isRefusal(outcome) ? outcome.details.reason : "";
  expect(said).toEqual(reason === "schema" ? "schema" : expect.stringMatching(reason));
}

describe.each(ALGORITHMS)("a passkey of algorithm %i", (algorithm) => {
  it("is registered and used", async () => {
    const authenticator = authenticatorOf(algorithm);
    const aaguid = "fbfc3007-154e-4ecc-8c0b-6e020557d7bd";
    const outcome = await tryRegistration(authenticator, { aaguid });
    const [passkey] = authenticator.passkeys;
    expect(outcome).toEqual({
      credentialId: encodeBase64url(passkey?.id ?? new Uint8Array()),
      algorithm,
      publicKey: expect.objectContaining({ kty: { [-7]: "EC", [-8]: "OKP", [-257]: "RSA" }[algorithm] }),
      counter: 0,
      isBackedUp: true,
      isBackupEligible: true,
      aaguid,
      transports: ["internal", "hybrid"],
    });
    if (isRefusal(outcome)) throw new Error(outcome.details.reason);
    // The passkey as it comes back from storage.
    const stored = JSON.parse(JSON.stringify({ ...outcome, userId: USER_ID }));
    expect(await tryAssertion(authenticator, stored)).toEqual({
      counter: 0,
      isBackedUp: true,
      isBackupEligible: true,
      hasCounterFallenBack: false,
    });
  });

  it.each(REGISTRATIONS.filter((response) => (response.algorithm ?? algorithm) === algorithm))(
    "is not registered with $name",
    async ({ tweak, reason }) => {
      expectRefusal(await tryRegistration(authenticatorOf(algorithm), tweak), reason);
    },
  );

  it("is not accepted with one thing wrong in its use", async () => {
    const authenticator = authenticatorOf(algorithm);
    const stored = await register(authenticator);
    for (const { name, tweak, reason } of ASSERTIONS.filter(
      (response) => (response.algorithm ?? algorithm) === algorithm,
    )) {
      const outcome = await tryAssertion(authenticator, stored, tweak);
      expect(outcome, name).toMatchObject({ code: "invalid_passkey" });
      expectRefusal(outcome, reason);
    }
    expect(isRefusal(await tryAssertion(authenticator, stored))).toBe(false);
  });

  it("is not accepted with the signature of another passkey", async () => {
    const stored = await register(authenticatorOf(algorithm));
    const other = authenticatorOf(algorithm);
    await register(other);
    expectRefusal(await tryAssertion(other, stored, { json: { id: stored.credentialId } }), /signature is wrong/);
  });

  it("is not accepted with the public key of another algorithm", async () => {
    const authenticator = authenticatorOf(algorithm);
    const stored = await register(authenticator);
    const other = await register(authenticatorOf(algorithm === -7 ? -8 : -7));
    const mixed = { ...stored, algorithm: other.algorithm };
    expectRefusal(await tryAssertion(authenticator, mixed), /signature is wrong/);
    expectRefusal(await tryAssertion(authenticator, { ...stored, publicKey: other.publicKey }), /signature is wrong/);
  });

  it("is never accepted with any bit of its use flipped, and nothing throws", async () => {
    const authenticator = authenticatorOf(algorithm);
    const stored = await register(authenticator);
    const options = assertionOptions();
    const valid = await authenticator.authenticate(options);
    const flips = fc.tuple(fc.constantFrom("clientDataJSON", "authenticatorData", "signature"), fc.nat(), fc.nat(7));
    await fc.assert(
      fc.asyncProperty(flips, async ([member, at, bit]) => {
        const json = { ...valid, response: { ...valid.response, [member]: flipped(valid.response, member, at, bit) } };
        const outcome = await judgeAssertion(json, stored, options.challenge);
        expect(isRefusal(outcome)).toBe(true);
      }),
      { numRuns: 1_500 },
    );
  });

  it("is registered with a flipped bit only if nothing else can be in its place, and nothing throws", async () => {
    const authenticator = authenticatorOf(algorithm);
    const options = registrationOptions();
    const valid = await authenticator.register(options);
    const stored = await acceptRegistration(valid, options.challenge);
    const request = assertionOptions();
    const use = await authenticator.authenticate(request);
    const flips = fc.tuple(fc.constantFrom("clientDataJSON", "attestationObject"), fc.nat(), fc.nat(7));
    await fc.assert(
      fc.asyncProperty(flips, async ([member, at, bit]) => {
        const json = { ...valid, response: { ...valid.response, [member]: flipped(valid.response, member, at, bit) } };
        const outcome = await judgeRegistration(json, options.challenge);
        if (isRefusal(outcome)) return;
        // No signature covers these parts: the authenticator's model, the counter, the statement's format, reserved
        // flags, the key itself, and the names of optional members.
        expect(outcome.credentialId).toBe(stored.credentialId);
        const isSameKey = JSON.stringify(outcome.publicKey) === JSON.stringify(stored.publicKey);
        const verdict = await judgeAssertion(use, { ...stored, publicKey: outcome.publicKey }, request.challenge);
        expect(isRefusal(verdict)).toBe(!isSameKey);
      }),
      { numRuns: 1_500 },
    );
  });
});

function flipped(response: object, member: string, at: number, bit: number): string {
  const [, text] = Object.entries(response).find(([name]) => name === member) ?? [];
  const bytes = decodeBase64url(text) ?? new Uint8Array();
  const place = at % bytes.byteLength;
  return encodeBase64url(bytes.map((byte, index) => (index === place ? byte ^ (1 << bit) : byte)));
}

describe("the signature counter", () => {
  it("is stored, and one that falls back is reported but not refused", async () => {
    const authenticator = authenticatorOf(-7, false);
    const stored = await register(authenticator);
    expect(stored).toMatchObject({ counter: 0, isBackupEligible: false });
    const use = async (counter: number, before: number) => {
      const outcome = await tryAssertion(authenticator, { ...stored, counter: before }, { counter });
      return isRefusal(outcome) ? outcome.details.reason : [outcome.counter, outcome.hasCounterFallenBack];
    };
    expect(await use(2 ** 32 - 1, 5)).toEqual([2 ** 32 - 1, false]);
    expect(await use(6, 5)).toEqual([6, false]);
    expect(await use(5, 5)).toEqual([5, true]);
    expect(await use(4, 5)).toEqual([4, true]);
    expect(await use(0, 5)).toEqual([0, true]);
    expect(await use(0, 0)).toEqual([0, false]);
    expect(await tryAssertion(authenticator, stored)).toMatchObject({ isBackedUp: false, hasCounterFallenBack: false });
  });
});

describe("an ECDSA signature", () => {
  it("has one form only", async () => {
    const authenticator = authenticatorOf(-7);
    const stored = await register(authenticator);
    // Tries ten signatures, because half of all numbers have a zero in front anyway.
    for (const tweak of Array.from({ length: 10 }, () => PADDED).flat()) {
      expectRefusal(await tryAssertion(authenticator, stored, tweak), /signature is wrong/);
    }
  });
});

describe("what authenticators and browsers add", () => {
  const extensions = encodeCbor(
    new Map<CborInput, CborInput>([
      ["credProtect", 2],
      ["hmac-secret", true],
    ]),
  );
  const withExtensions = { flags: (flags: number) => flags | FLAGS.ED, extensions };

  it("is ignored: extensions, unknown members of the client data, and a mark of byte order", async () => {
    const clientData = { other_keys_can_be_added_here: "do not compare the client data with a template" };
    const tweak = { ...withExtensions, clientData, json: { more: [1] } };
    const authenticator = authenticatorOf();
    const stored = await register(authenticator);
    expect(isRefusal(await tryRegistration(authenticatorOf(), tweak))).toBe(false);
    expect(isRefusal(await tryAssertion(authenticator, stored, tweak))).toBe(false);
    const marked = { clientDataJSON: (bytes: Uint8Array) => concatBytes(Uint8Array.of(0xef, 0xbb, 0xbf), bytes) };
    expect(isRefusal(await tryAssertion(authenticator, stored, marked))).toBe(false);
  });

  it("is accepted in any format of attestation, of which nothing is read", async () => {
    const statement = new Map<CborInput, CborInput>([
      ["alg", -7],
      ["sig", new Uint8Array(70)],
      ["x5c", [new Uint8Array(900)]],
    ]);
    for (const fmt of ["packed", "tpm", "apple", "a format of tomorrow"]) {
      const outcome = await tryRegistration(authenticatorOf(), { attestation: { fmt, attStmt: statement } });
      expect(isRefusal(outcome), fmt).toBe(false);
    }
  });

  it("may leave out the user handle and the transports", async () => {
    const authenticator = authenticatorOf();
    const stored = await register(authenticator);
    expect(isRefusal(await tryAssertion(authenticator, stored, { userHandle: null }))).toBe(false);
    expect(isRefusal(await tryAssertion(authenticator, stored, { response: { userHandle: null } }))).toBe(false);
    const outcome = await tryRegistration(authenticatorOf(), { response: { transports: undefined } });
    expect(outcome).toMatchObject({ transports: [] });
  });
});
