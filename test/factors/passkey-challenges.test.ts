import { describe, expect, it } from "vitest";
import { CHALLENGE_LIFETIME, openChallenge } from "../../src/factors/passkeys/challenge.ts";
import { concatBytes, decodeBase64url, encodeBase64url } from "../../src/platform/encoding.ts";
import { assertionOptions, clockAt, newChallenge, sealing, USER_ID } from "./ceremonies.ts";

describe("a challenge", () => {
  const open = (challenge: string, now = sealing.clock.now()) =>
    openChallenge("login", challenge, { ...sealing, clock: clockAt(now) });

  it("says whom it is for, until when, and how to remember that it was used", () => {
    const challenge = newChallenge("login");
    const expiresAt = sealing.clock.now() + CHALLENGE_LIFETIME;
    expect(open(challenge)).toEqual({
      text: challenge,
      userId: USER_ID,
      expiresAt,
      id: expect.stringMatching(/^[\w-]{43}$/),
    });
    const anonymous = newChallenge("login", null);
    expect(open(anonymous)?.id).not.toBe(open(challenge)?.id);
    expect(newChallenge("login")).not.toBe(challenge);
  });

  it("is without a user if none is known", () => {
    expect(openChallenge("login", assertionOptions().challenge, sealing)?.userId).toBeUndefined();
  });

  it("lasts for five minutes", () => {
    const challenge = newChallenge("login");
    expect(open(challenge, sealing.clock.now() + 5 * 60_000 - 1)).toBeDefined();
    expect(open(challenge, sealing.clock.now() + 5 * 60_000)).toBeUndefined();
  });

  it("is for one purpose only", () => {
    expect(open(newChallenge("register"))).toBeUndefined();
    expect(open(newChallenge("second-factor"))).toBeUndefined();
  });

  it("is refused with any of its bits flipped, shorter, longer, or in another text of the same bytes", () => {
    const bytes = decodeBase64url(newChallenge("login")) ?? new Uint8Array();
    for (let at = 0; at < bytes.byteLength * 8; at++) {
      const changed = bytes.map((byte, place) => (place === at >> 3 ? byte ^ (1 << (at & 7)) : byte));
      expect(open(encodeBase64url(changed))).toBeUndefined();
    }
    expect(open(encodeBase64url(bytes))).toBeDefined();
    expect(open(`${encodeBase64url(bytes)}=`)).toBeUndefined();
    expect(open(encodeBase64url(bytes.subarray(1)))).toBeUndefined();
    expect(open(encodeBase64url(concatBytes(bytes, Uint8Array.of(0))))).toBeUndefined();
    expect(open("")).toBeUndefined();
  });

  it("is made for a user's UUID only", () => {
    expect(() => newChallenge("login", "ada")).toThrow(TypeError);
  });
});
