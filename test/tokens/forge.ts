/**
 * The attacker's material: real tokens, the published keys and keys of their own. Also the service's own key, for tests
 * in which only the content is wrong.
 */
import { createHmac } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, type JWK } from "jose";
import type { CurrentKey } from "../../src/keys/signing-key.ts";
import { concatBytes, decodeBase64url, encodeBase64url, utf8 } from "../../src/platform/encoding.ts";
import { get } from "../support/client.ts";
import { type LoggedIn, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

type Members = Record<string, unknown>;

export interface Workshop {
  /** A superuser, whose valid token opens every route. */
  victim: LoggedIn;
  /** Another user who is logged in. */
  other: LoggedIn;
  header: Members;
  claims: Members;
  ours: CurrentKey;
  /** The attacker's own P-256 key. */
  theirs: { privateKey: CryptoKey; jwk: JWK };
  /** The published forms of our key, which a confused verifier may use as an HMAC secret. */
  published: { jwk: string; jwks: string; pem: string; der: Uint8Array; point: Uint8Array; x: string };
}

export async function openWorkshop(): Promise<Workshop> {
  const victim = await withStanding("superuser");
  const other = await withStanding("user");
  const [header = "", payload = ""] = victim.accessToken.split(".");
  const ours = await coldIsolate().keyring.signingKey();
  const pair = await generateKeyPair("ES256", { extractable: true });
  const { text, json } = await get("/.well-known/jwks.json");
  const jwk = json.keys.find(({ kid }: { kid: string }) => kid === ours.id);
  const pem = await exportSPKI(ours.verifyingKey);
  const der = Uint8Array.from(atob(pem.replaceAll(/-----[^-]+-----|\n/g, "")), (one) => one.charCodeAt(0));
  return {
    victim,
    other,
    header: readPart(header),
    claims: readPart(payload),
    ours,
    theirs: { privateKey: pair.privateKey, jwk: await exportJWK(pair.publicKey) },
    // The uncompressed point is the end of the DER form.
    published: { jwk: JSON.stringify(jwk), jwks: text, pem, der, point: der.slice(-65), x: jwk.x },
  };
}

/** A part of a compact JWS, from JSON text or bytes. */
export const part = (content: string | Uint8Array) =>
  encodeBase64url(typeof content === "string" ? utf8(content) : content);

/** A JSON part of a token. Omits members that are `undefined`. */
export const json = (members: unknown) => part(JSON.stringify(members));

const readPart = (text: string): Members => JSON.parse(new TextDecoder().decode(bytesOf(text)));

export const bytesOf = (text: string) => decodeBase64url(text) ?? new Uint8Array();

/** ES256 over a signing input: `r` and `s`, 32 bytes each (RFC 7518 §3.4). */
export async function es256(key: CryptoKey, input: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, utf8(input)));
}

/** A token signed with a P-256 key, with any header. */
export async function signed(key: CryptoKey, header: Members | string, claims: Members | string): Promise<string> {
  const parts = [header, claims].map((one) => (typeof one === "string" ? part(one) : json(one)));
  const input = parts.join(".");
  return `${input}.${encodeBase64url(await es256(key, input))}`;
}

/** A token signed with our own key, so that only its header and claims can be wrong. */
export const genuine = (
  { ours, header, claims }: Workshop,
  changes: { header?: Members | string; claims?: Members | string },
) =>
  signed(
    ours.signingKey,
    typeof changes.header === "string" ? changes.header : { ...header, ...changes.header },
    typeof changes.claims === "string" ? changes.claims : { ...claims, ...changes.claims },
  );

/** A token signed with the attacker's key. */
export const forged = ({ theirs, header, claims }: Workshop, changes: Members) =>
  signed(theirs.privateKey, { ...header, ...changes }, claims);

/** A token with an HMAC whose key is public. */
export function confused({ header, claims }: Workshop, secret: string | Uint8Array, alg = "HS256"): string {
  const input = `${json({ ...header, alg })}.${json(claims)}`;
  return `${input}.${encodeBase64url(createHmac(alg.replace("HS", "sha"), secret).update(input).digest())}`;
}

/** A token without a valid signature. */
export const unsigned = ({ header, claims }: Workshop, changes: Members, signature = "") =>
  `${json({ ...header, ...changes })}.${json(claims)}.${signature}`;

/** The same token with another signature. */
export function resigned(token: string, change: (signature: Uint8Array) => Uint8Array | string): string {
  const [header, payload, signature = ""] = token.split(".");
  const changed = change(bytesOf(signature));
  return [header, payload, typeof changed === "string" ? changed : encodeBase64url(changed)].join(".");
}

/** `r` and `s` in ASN.1 (DER), the format of ECDSA signatures in most libraries that are not for JOSE. */
export function toDer(signature: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array) => {
    const from = bytes.findIndex((byte) => byte !== 0);
    const least = bytes.subarray(Math.max(0, from));
    const positive = (least[0] ?? 0) >= 0x80 ? concatBytes(Uint8Array.of(0), least) : least;
    return concatBytes(Uint8Array.of(2, positive.length), positive);
  };
  const body = concatBytes(integer(signature.subarray(0, 32)), integer(signature.subarray(32)));
  return concatBytes(Uint8Array.of(0x30, body.length), body);
}

/** The order of the curve P-256 (FIPS 186-5, SP 800-186 §3.2.1.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** `(r, n - s)`: the second signature that ECDSA accepts for the same content. */
export function malleate(signature: Uint8Array): Uint8Array {
  const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const mirrored = (ORDER - BigInt(`0x${hex(signature.subarray(32))}`)).toString(16).padStart(64, "0");
  const digits = hex(signature.subarray(0, 32)) + mirrored;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
