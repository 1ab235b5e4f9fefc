import { describe, expect, it } from "vitest";
import { registrationResponse } from "../../src/factors/passkeys/credential-json.ts";
import { namePasskey } from "../../src/factors/passkeys/names.ts";
import { creationOptions, requestOptions } from "../../src/factors/passkeys/options.ts";
import { readUserHandle, writeUserHandle } from "../../src/factors/passkeys/user-handle.ts";
import { parseUuid } from "../../src/platform/encoding.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { ORIGIN, RP_ID, registrationOptions, USER_ID } from "./ceremonies.ts";

describe("the options", () => {
  const existing = [{ credentialId: "QUFB", transports: ["usb"] }];

  it("of a new passkey ask for one that needs no name, verifies the user, and is not there already", () => {
    const rp = { id: RP_ID, name: "Example" };
    const user = { id: USER_ID, name: "ada@example.org", displayName: "Ada Lovelace" };
    const options = creationOptions({ rp, user, challenge: "Y2hhbGxlbmdl", existing });
    expect(options).toEqual({
      rp: { id: "example.org", name: "Example" },
      user: { id: "AYkKXayWd0u8zrMCCZqAVw", name: "ada@example.org", displayName: "Ada Lovelace" },
      challenge: "Y2hhbGxlbmdl",
      pubKeyCredParams: [
        { type: "public-key", alg: -7 },
        { type: "public-key", alg: -8 },
        { type: "public-key", alg: -257 },
      ],
      timeout: 300_000,
      excludeCredentials: [{ type: "public-key", id: "QUFB", transports: ["usb"] }],
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      attestation: "none",
    });
  });

  it("of a login name no passkey, so that they tell nothing about accounts", () => {
    expect(requestOptions(RP_ID, "Y2hhbGxlbmdl")).toEqual({
      challenge: "Y2hhbGxlbmdl",
      timeout: 300_000,
      rpId: "example.org",
      allowCredentials: [],
      userVerification: "required",
    });
    expect(requestOptions(RP_ID, "Y2hhbGxlbmdl", existing).allowCredentials).toEqual([
      { type: "public-key", id: "QUFB", transports: ["usb"] },
    ]);
  });

  it("carry the user's id as the user handle", () => {
    expect(readUserHandle(parseUuid(USER_ID) ?? new Uint8Array())).toBe(USER_ID);
    expect(readUserHandle(new Uint8Array(15))).toBeUndefined();
    expect(() => writeUserHandle("ada")).toThrow(TypeError);
  });
});

describe("the name of a new passkey", () => {
  const unknown = "00000000-0000-0000-0000-000000000000";
  const chrome =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

  it.each([
    ["the authenticator's", "d548826e-79b4-db40-a3d8-11116f7e8349", chrome, "Bitwarden"],
    ["the browser's, if the authenticator is unknown", unknown, chrome, "Chrome (Windows)"],
    ["just that, if the browser is unknown too", unknown, "curl/8.5.0", "Passkey"],
    ["just that, without a user agent", unknown, null, "Passkey"],
  ])("is %s", (_, aaguid, userAgent, name) => {
    expect(namePasskey({ aaguid, userAgent })).toBe(name);
  });
});

it("the JSON of a passkey keeps what is needed and drops the rest", async () => {
  const json = await createAuthenticator({ rpId: RP_ID, origin: ORIGIN }).register(registrationOptions());
  expect(Object.keys(registrationResponse.parse(json))).toEqual(["id", "type", "response"]);
  expect(Object.keys(registrationResponse.parse(json).response)).toEqual([
    "clientDataJSON",
    "attestationObject",
    "transports",
  ]);
});
