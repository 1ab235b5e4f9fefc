import { concatBytes, encodeBase64url } from "../../../src/platform/encoding.ts";
import { FLAGS, type Tweak } from "../../support/authenticator.ts";
import {
  append,
  type Bytes,
  type FaultyResponse,
  MALFORMED,
  OF_CALLER,
  SHARED,
  set,
  shorten,
  UNREAD,
  unset,
} from "./shared.ts";

const flip =
  (at: number, bit = 1) =>
  (content: Bytes) =>
    content.map((byte, place) => (place === (at + content.byteLength) % content.byteLength ? byte ^ bit : byte));

const LENIENT_DER = "It reads forms of a length or a number that DER does not have.";

/** Encodes an ECDSA signature again: the same two numbers in another form, or other numbers. */
const der = (write: (r: Bytes, s: Bytes) => Bytes) => (signature: Bytes) => {
  const middle = 4 + (signature[3] ?? 0);
  const content = write(signature.slice(2, middle), signature.slice(middle));
  return concatBytes(Uint8Array.of(0x30, content.byteLength), content);
};
const integer = (content: Bytes) => concatBytes(Uint8Array.of(0x02, content.byteLength), content);
const padded = (number: Bytes) => integer(concatBytes(Uint8Array.of(0), number.subarray(2)));

/** The two numbers of a valid ECDSA signature, one of them with a superfluous zero in front. */
export const PADDED: readonly Tweak[] = [
  { signature: der((r, s) => concatBytes(padded(r), s)) },
  { signature: der((r, s) => concatBytes(r, padded(s))) },
];
const SIGNATURE = /signature is wrong/;

export const ASSERTIONS: readonly FaultyResponse[] = [
  ...SHARED,
  {
    name: "client data of a registration",
    tweak: { clientData: { type: "webauthn.create" } },
    reason: /another ceremony/,
  },
  {
    name: "another id",
    tweak: { json: { id: encodeBase64url(new Uint8Array(32)), rawId: encodeBase64url(new Uint8Array(32)) } },
    reason: /of another passkey/,
    acceptedElsewhere: OF_CALLER,
  },
  {
    name: "another user's handle",
    tweak: { userHandle: encodeBase64url(new Uint8Array(16)) },
    reason: /another user's/,
    acceptedElsewhere: "It leaves the user handle to the caller.",
  },
  {
    name: "a user handle of another service",
    tweak: { userHandle: "QQ" },
    reason: /another user's/,
    acceptedElsewhere: "It leaves the user handle to the caller.",
  },
  {
    name: "a passkey that can't be backed up any more",
    tweak: { flags: unset(FLAGS.BE | FLAGS.BS) },
    reason: /backup eligibility/,
    acceptedElsewhere: "It does not know whether the passkey could be backed up.",
  },
  { name: "authenticator data that is cut off", tweak: { authenticatorData: shorten(1) }, reason: MALFORMED },
  { name: "a passkey that is only announced", tweak: { flags: set(FLAGS.AT) }, reason: MALFORMED },
  { name: "another client data than was signed", tweak: { signed: flip(-1) }, reason: SIGNATURE },
  { name: "another counter than was signed", tweak: { signed: flip(36) }, reason: SIGNATURE },
  { name: "a signature of the authenticator data alone", tweak: { signed: shorten(32) }, reason: SIGNATURE },
  { name: "no client data member", tweak: { response: { clientDataJSON: undefined } }, reason: "schema" },
  { name: "no signature", tweak: { response: { signature: "" } }, reason: "schema" },
  { name: "too long a signature", tweak: { signature: () => new Uint8Array(1_025) }, reason: "schema" },
  ...[0, 1, 3, 5, 20, -20, -1].map((at) => ({
    name: `a signature whose byte ${at} differs`,
    tweak: { signature: flip(at) },
    reason: SIGNATURE,
    // Byte 1 is a length, which other implementations may read leniently.
    ...(at === 1 ? { acceptedElsewhere: LENIENT_DER } : {}),
  })),
  { name: "a signature that is cut off", tweak: { signature: shorten(1) }, reason: SIGNATURE },
  { name: "a byte after the signature", tweak: { signature: append(0) }, reason: SIGNATURE, acceptedElsewhere: UNREAD },
  {
    name: "a signature of zeros",
    tweak: { signature: (bytes) => new Uint8Array(bytes.byteLength) },
    reason: SIGNATURE,
  },
  {
    name: "an ECDSA signature that is not DER",
    tweak: { signature: () => new Uint8Array(64).fill(1) },
    reason: SIGNATURE,
    algorithm: -7,
  },
  {
    name: "an ECDSA signature of zero",
    tweak: { signature: der((_, s) => concatBytes(integer(Uint8Array.of(0)), s)) },
    reason: SIGNATURE,
    algorithm: -7,
  },
  {
    name: "an ECDSA signature of an empty number",
    tweak: { signature: der((r) => concatBytes(r, integer(new Uint8Array()))) },
    reason: SIGNATURE,
    algorithm: -7,
  },
  {
    name: "an ECDSA signature of a negative number",
    tweak: { signature: der((r) => concatBytes(r, integer(new Uint8Array(32).fill(0xff)))) },
    reason: SIGNATURE,
    algorithm: -7,
  },
  {
    name: "an ECDSA signature of three numbers",
    tweak: { signature: der((r, s) => concatBytes(r, s, s)) },
    reason: SIGNATURE,
    algorithm: -7,
    acceptedElsewhere: UNREAD,
  },
  { name: "an ECDSA signature of another type", tweak: { signature: flip(2, 1) }, reason: SIGNATURE, algorithm: -7 },
  {
    name: "an ECDSA signature with a length in two bytes",
    tweak: { signature: (bytes) => concatBytes(Uint8Array.of(0x30, 0x81), bytes.subarray(1)) },
    reason: SIGNATURE,
    algorithm: -7,
    acceptedElsewhere: LENIENT_DER,
  },
];
