/** Responses with one fault. The rest of each is correct, so only the check for this fault can refuse it. */
import { concatBytes, utf8 } from "../../../src/platform/encoding.ts";
import { FLAGS, type Tweak } from "../../support/authenticator.ts";
import { encodeCbor } from "../../support/cbor.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

export interface FaultyResponse {
  name: string;
  tweak: Tweak;
  /** Matches the reason in the refusal. `schema` if the schema of the JSON already refuses the response. */
  reason: RegExp | "schema";
  /** The only algorithm with which the fault is possible. */
  algorithm?: number;
  /** Why another implementation may accept it. */
  acceptedElsewhere?: string;
}

/** Edits of flags and bytes. */
export const set = (bits: number) => (flags: number) => flags | bits;
export const unset = (bits: number) => (flags: number) => flags & ~bits;
export const append =
  (...bytes: number[]) =>
  (content: Bytes) =>
    concatBytes(content, Uint8Array.from(bytes));
export const shorten = (by: number) => (content: Bytes) => content.slice(0, -by);

/** Why another implementation accepts a response that Postern refuses. */
const FRAMED = "It leaves frames to the caller.";
export const UNBOUNDED = "It bounds no size.";
const NO_MAP = "It reads any value as extensions.";
export const OF_CALLER = "It leaves this comparison to the caller.";
export const UNREAD = "It ignores what follows.";

export const MALFORMED = /(authenticator data|attestation object) is malformed/;

/** Faults for registrations and for uses. */
export const SHARED: readonly FaultyResponse[] = [
  { name: "another challenge", tweak: { clientData: { challenge: "AAAA" } }, reason: /another challenge/ },
  { name: "no challenge", tweak: { clientData: { challenge: undefined } }, reason: /client data is malformed/ },
  { name: "no type", tweak: { clientData: { type: undefined } }, reason: /client data is malformed/ },
  {
    name: "another origin",
    tweak: { clientData: { origin: "https://evil.example" } },
    reason: /origin is not allowed/,
  },
  {
    name: "an origin that begins the same",
    tweak: { clientData: { origin: "https://auth.example.org.evil.example" } },
    reason: /origin is not allowed/,
  },
  {
    name: "another port",
    tweak: { clientData: { origin: "https://auth.example.org:8443" } },
    reason: /origin is not allowed/,
  },
  {
    name: "an origin without encryption",
    tweak: { clientData: { origin: "http://auth.example.org" } },
    reason: /origin is not allowed/,
  },
  { name: "no origin", tweak: { clientData: { origin: undefined } }, reason: /client data is malformed/ },
  {
    name: "client data that is no object",
    tweak: { clientDataJSON: () => utf8("[]") },
    reason: /client data is malformed/,
  },
  { name: "client data that is no JSON", tweak: { clientDataJSON: shorten(1) }, reason: /client data is malformed/ },
  { name: "no client data", tweak: { response: { clientDataJSON: "" } }, reason: "schema" },
  { name: "client data that is not base64url", tweak: { response: { clientDataJSON: "e30=" } }, reason: "schema" },
  { name: "client data in no canonical base64url", tweak: { response: { clientDataJSON: "e31" } }, reason: "schema" },
  {
    name: "too much client data",
    tweak: { clientData: { more: "x".repeat(4_096) } },
    reason: "schema",
    acceptedElsewhere: UNBOUNDED,
  },
  { name: "another kind of credential", tweak: { json: { type: "password" } }, reason: "schema" },
  { name: "no id", tweak: { json: { id: "" } }, reason: "schema" },
  { name: "another relying party", tweak: { rpId: "example.com" }, reason: /another relying party/ },
  { name: "an absent user", tweak: { flags: unset(FLAGS.UP) }, reason: /not present/ },
  { name: "a user who was not verified", tweak: { flags: unset(FLAGS.UV) }, reason: /verify the user/ },
  { name: "a backup of what can't be backed up", tweak: { flags: unset(FLAGS.BE) }, reason: /backed up/ },
  { name: "a byte after the authenticator data", tweak: { authenticatorData: append(0) }, reason: MALFORMED },
  { name: "extensions that are only announced", tweak: { flags: set(FLAGS.ED) }, reason: MALFORMED },
  { name: "extensions that are not announced", tweak: { extensions: encodeCbor(new Map()) }, reason: MALFORMED },
  {
    name: "extensions that are no map",
    tweak: { flags: set(FLAGS.ED), extensions: encodeCbor([]) },
    reason: MALFORMED,
    acceptedElsewhere: NO_MAP,
  },
  {
    name: "a byte after the extensions",
    tweak: { flags: set(FLAGS.ED), extensions: concatBytes(encodeCbor(new Map()), Uint8Array.of(0)) },
    reason: MALFORMED,
  },
  {
    name: "extensions of an indefinite length",
    tweak: { flags: set(FLAGS.ED), extensions: Uint8Array.of(0xbf, 0xff) },
    reason: MALFORMED,
  },
  {
    name: "a page in a frame",
    tweak: { clientData: { crossOrigin: true } },
    reason: /frame/,
    acceptedElsewhere: FRAMED,
  },
  {
    name: "a page in a frame of a named page",
    tweak: { clientData: { topOrigin: "https://evil.example" } },
    reason: /frame/,
    acceptedElsewhere: FRAMED,
  },
  {
    name: "a frame told in a text",
    tweak: { clientData: { crossOrigin: "true" } },
    reason: /client data is malformed/,
    acceptedElsewhere: FRAMED,
  },
];
