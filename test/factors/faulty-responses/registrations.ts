import { concatBytes, encodeBase64url, utf8 } from "../../../src/platform/encoding.ts";
import { FLAGS } from "../../support/authenticator.ts";
import { type CborInput, cborHead, encodeCbor } from "../../support/cbor.ts";
import {
  append,
  type Bytes,
  type FaultyResponse,
  MALFORMED,
  OF_CALLER,
  SHARED,
  shorten,
  UNBOUNDED,
  UNREAD,
  unset,
} from "./shared.ts";

/** Offsets of parts of a registration's authenticator data, if the credential's id has 32 bytes. */
const ID_LENGTH_AT = 53;
const KEY_AT = 55 + 32;

const replaceAt =
  (at: number, ...bytes: number[]) =>
  (content: Bytes) =>
    concatBytes(content.subarray(0, at), Uint8Array.from(bytes), content.subarray(at + bytes.length));
/** Changes the value with this label in a COSE key, or removes it. */
const label = (key: number, value: CborInput | undefined) => (coseKey: Map<CborInput, CborInput>) => {
  const changed = new Map(coseKey);
  if (value === undefined) changed.delete(key);
  else changed.set(key, value);
  return changed;
};
/** Gives an RSA key a modulus of `length` bytes. */
const modulus = (length: number, edit: (bytes: Bytes) => void = () => {}) => {
  const bytes = new Uint8Array(length).fill(0xc1);
  edit(bytes);
  return label(-1, bytes);
};

const UNUSED_KEY = "It does not import the key before its first use.";
const ENDS_EARLY = "Its reader accepts a byte string that ends early.";
const KEY = /public key is not acceptable/;

const twice = concatBytes(cborHead(5, 2), encodeCbor("fmt"), encodeCbor("none"), encodeCbor("fmt"), encodeCbor("none"));

export const REGISTRATIONS: readonly FaultyResponse[] = [
  ...SHARED,
  { name: "client data of a login", tweak: { clientData: { type: "webauthn.get" } }, reason: /another ceremony/ },
  {
    name: "another id",
    tweak: { json: { id: encodeBase64url(new Uint8Array(32)), rawId: encodeBase64url(new Uint8Array(32)) } },
    reason: /ids of the passkey differ/,
    acceptedElsewhere: OF_CALLER,
  },
  {
    name: "an id of 15 bytes",
    tweak: { credentialId: new Uint8Array(15) },
    reason: MALFORMED,
    acceptedElsewhere: UNBOUNDED,
  },
  {
    name: "an id of 1024 bytes",
    tweak: { credentialId: new Uint8Array(1_024), json: { id: "A".repeat(1_364), rawId: "A".repeat(1_364) } },
    reason: MALFORMED,
    acceptedElsewhere: UNBOUNDED,
  },
  {
    name: "an id that is longer than the data",
    tweak: { authenticatorData: replaceAt(ID_LENGTH_AT, 0x03, 0xff) },
    reason: MALFORMED,
  },
  {
    name: "an id that is shorter than announced",
    tweak: { authenticatorData: replaceAt(ID_LENGTH_AT, 0, 33) },
    reason: MALFORMED,
  },
  { name: "a passkey that is not announced", tweak: { flags: unset(FLAGS.AT) }, reason: MALFORMED },
  {
    name: "no passkey",
    tweak: { flags: unset(FLAGS.AT), authenticatorData: (bytes) => bytes.slice(0, 37) },
    reason: /has no passkey/,
  },
  {
    name: "a passkey that is cut off",
    tweak: { authenticatorData: (bytes) => bytes.slice(0, ID_LENGTH_AT) },
    reason: MALFORMED,
  },
  {
    name: "a key that is cut off",
    tweak: { authenticatorData: shorten(1) },
    reason: MALFORMED,
    acceptedElsewhere: ENDS_EARLY,
  },
  { name: "no key", tweak: { authenticatorData: (bytes) => bytes.slice(0, KEY_AT) }, reason: MALFORMED },
  {
    name: "a byte after the attestation object",
    tweak: { attestationObject: append(0) },
    reason: MALFORMED,
    acceptedElsewhere: UNREAD,
  },
  {
    name: "an attestation object that is cut off",
    tweak: { attestationObject: shorten(1) },
    reason: MALFORMED,
    acceptedElsewhere: ENDS_EARLY,
  },
  {
    name: "an attestation object that is no map",
    tweak: { attestationObject: (bytes) => encodeCbor([bytes]) },
    reason: MALFORMED,
  },
  {
    name: "an attestation object of an indefinite length",
    tweak: { attestationObject: (bytes) => concatBytes(Uint8Array.of(0xbf), bytes.subarray(1), Uint8Array.of(0xff)) },
    reason: MALFORMED,
  },
  {
    name: "a tagged attestation object",
    tweak: { attestationObject: (bytes) => concatBytes(Uint8Array.of(0xc0), bytes) },
    reason: MALFORMED,
  },
  {
    name: "an empty attestation object",
    tweak: { attestationObject: () => encodeCbor(new Map()) },
    reason: MALFORMED,
  },
  {
    name: "a member of the attestation object that occurs twice",
    tweak: { attestationObject: (bytes) => concatBytes(Uint8Array.of(0xa5), twice.subarray(1), bytes.subarray(1)) },
    reason: MALFORMED,
  },
  {
    name: "a format that is no text",
    tweak: {
      attestationObject: (bytes) => concatBytes(bytes.subarray(0, 5), encodeCbor(utf8("none")), bytes.subarray(10)),
    },
    reason: MALFORMED,
  },
  {
    name: "a format that is not UTF-8",
    tweak: { attestationObject: replaceAt(6, 0xff) },
    reason: MALFORMED,
  },
  {
    name: "a statement that is nested too deep",
    tweak: { attestation: { fmt: "none", attStmt: new Map([["x", [[[[[[[]]]]]]]]]) } },
    reason: MALFORMED,
  },
  {
    name: "a statement that is nested without an end",
    tweak: { attestationObject: () => new Uint8Array(10_000).fill(0x81) },
    reason: MALFORMED,
  },
  {
    name: "a statement that claims a long list",
    tweak: { attestationObject: () => concatBytes(Uint8Array.of(0x9b), new Uint8Array(8).fill(0x10)) },
    reason: MALFORMED,
  },
  {
    name: "too long an attestation object",
    tweak: { attestation: { fmt: "none", attStmt: new Map([["x", new Uint8Array(25_000)]]) } },
    reason: "schema",
  },
  {
    name: "transports that are no texts",
    tweak: { response: { transports: [{}] } },
    reason: "schema",
    acceptedElsewhere: "It does not read them.",
  },
  { name: "an algorithm that was not asked for", tweak: { coseKey: label(3, -35) }, reason: KEY },
  { name: "no algorithm", tweak: { coseKey: label(3, undefined) }, reason: KEY },
  { name: "another type of key", tweak: { coseKey: label(1, 4) }, reason: KEY, acceptedElsewhere: UNUSED_KEY },
  {
    name: "a label of the key that occurs twice",
    tweak: {
      authenticatorData: (bytes) =>
        concatBytes(bytes.subarray(0, KEY_AT), Uint8Array.of(0xa6, 0x01, 0x02), bytes.subarray(KEY_AT + 1)),
    },
    reason: MALFORMED,
    algorithm: -7,
  },
  {
    name: "a label that occurs twice in different forms",
    tweak: {
      authenticatorData: (bytes) =>
        concatBytes(bytes.subarray(0, KEY_AT), Uint8Array.of(0xa6, 0x18, 0x01, 0x02), bytes.subarray(KEY_AT + 1)),
    },
    reason: MALFORMED,
    algorithm: -7,
  },
  {
    name: "a label that is a byte string",
    tweak: { coseKey: (key) => new Map(key).set(Uint8Array.of(1), 1) },
    reason: MALFORMED,
  },
  {
    name: "another curve than P-256",
    tweak: { coseKey: label(-1, 2) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -7,
  },
  {
    name: "a short coordinate",
    tweak: { coseKey: label(-2, new Uint8Array(31)) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -7,
  },
  {
    name: "a compressed point",
    tweak: { coseKey: label(-3, true) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -7,
  },
  {
    name: "a point that is not on the curve",
    tweak: { coseKey: label(-3, new Uint8Array(32).fill(1)) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -7,
  },
  {
    name: "the algorithm of another type of key",
    tweak: { coseKey: label(3, -8) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -7,
  },
  {
    name: "another curve than Ed25519",
    tweak: { coseKey: label(-1, 7) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -8,
  },
  {
    name: "a long Ed25519 key",
    tweak: { coseKey: label(-2, new Uint8Array(33)) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -8,
  },
  {
    name: "an RSA key of 2040 bits",
    tweak: { coseKey: modulus(255) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -257,
  },
  {
    name: "an RSA key of 2047 bits",
    tweak: { coseKey: modulus(256, (bytes) => bytes.set([0x7f])) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -257,
  },
  {
    name: "an RSA key of 4104 bits",
    tweak: { coseKey: modulus(513) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -257,
  },
  {
    name: "an RSA key with a zero before it",
    tweak: { coseKey: modulus(257, (bytes) => bytes.set([0])) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -257,
  },
  {
    name: "an even modulus",
    tweak: { coseKey: modulus(256, (bytes) => bytes.set([2], 255)) },
    reason: KEY,
    acceptedElsewhere: UNUSED_KEY,
    algorithm: -257,
  },
  ...[[1], [3], [1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0, 1]].map((exponent) => ({
    name: `an RSA exponent of the bytes ${exponent.join(" ")}`,
    tweak: { coseKey: label(-2, Uint8Array.from(exponent)) },
    reason: KEY,
    algorithm: -257,
    acceptedElsewhere: UNUSED_KEY,
  })),
];
