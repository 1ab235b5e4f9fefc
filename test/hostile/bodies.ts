/** Hostile bodies: JSON for an operation's schema, with faults; and bodies that are no JSON, no UTF-8, or too large. */
import fc from "fast-check";
import type { Endpoint } from "../../src/endpoint/endpoint.ts";
import { document } from "../support/openapi.ts";
import { fitting, hostileFor, hostileJson, hostileName, rarely, type Schema } from "./values.ts";

export interface HostileBody {
  text: string;
  /** How the text becomes bytes. `latin1` turns each character into the byte with its code. */
  encoding: "utf-8" | "utf-16le" | "latin1" | "gzip";
  /** The text is filled up with spaces to at least this many characters. */
  size: number;
  /** Whether the body is a stream without a length. */
  streamed: boolean;
}

const MAX_BODY = 64 * 1024;

/** The schema of an operation's body in the OpenAPI document. It is empty if the operation takes no body. */
export function schemaOf({ path, method }: Endpoint): Schema {
  return document.paths[path][method].requestBody?.content["application/json"].schema ?? {};
}

export function bodiesOf(operation: Endpoint): fc.Arbitrary<HostileBody | null> {
  const plain = (text: fc.Arbitrary<string>) =>
    fc.record({
      text,
      encoding: rarely<HostileBody["encoding"]>("utf-8", () => fc.constantFrom("utf-16le", "latin1", "gzip")),
      size: rarely(0, () => fc.constantFrom(MAX_BODY - 1, MAX_BODY, MAX_BODY + 1, 3 * 1024 * 1024)),
      streamed: rarely(false, fc.constant(true)),
    });
  if (operation.body === undefined) return rarely<HostileBody | null>(null, plain(hostileJson));
  const schema = schemaOf(operation);
  return fc.oneof(
    { weight: 6, arbitrary: plain(membersOf(schema, 0)) },
    { weight: 6, arbitrary: plain(membersOf(schema, 2)) },
    { weight: 1, arbitrary: plain(hostileJson) },
    { weight: 2, arbitrary: plain(fc.tuple(membersOf(schema, 1), brokenTexts).map(([text, spoil]) => spoil(text))) },
    { weight: 1, arbitrary: fc.tuple(membersOf(schema, 0), brokenBytes).map(([text, spoil]) => latin1(spoil(text))) },
    { weight: 1, arbitrary: fc.constant(null) },
  );
}

const latin1 = (text: string): HostileBody => ({ text, encoding: "latin1", size: 0, streamed: false });

const brokenTexts = fc.constantFrom<(text: string) => string>(
  (text) => `\ufeff${text}`,
  (text) => `\ufeff\ufeff${text}`,
  (text) => `${text}${text}`,
  (text) => `${text},`,
  (text) => text.slice(0, -1),
  (text) => text.slice(0, text.length / 2),
  (text) => text.replaceAll('"', "'"),
  (text) => `\u0000${text}`,
  (text) => `${text}\u0000`,
  (text) => `/* a comment */${text}`,
  (text) => `[${text}]`,
  (text) => text.replace("{", '{"a":NaN,'),
  (text) => text.replace("{", '{"a":"\u0007",'),
  (text) => `)]}',\n${text}`,
);

/** Bytes that are no UTF-8: overlong, incomplete, a surrogate, beyond Unicode, and a byte order mark of UTF-16. */
const brokenBytes = fc
  .constantFrom(
    "\xc0\xaf",
    "\xe0\x80\xaf",
    "\xf0\x80\x80\xaf",
    "\xe2\x82",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xff\xfe",
  )
  .chain((bytes) =>
    fc.constantFrom<(text: string) => string>(
      (text) => bytes + text,
      (text) => text.replace(/:"/, `:"${bytes}`),
      (text) => text.replace("{", `{"${bytes}":1,`),
      (text) => text + bytes,
    ),
  );

type Members = [name: string, value: string][];

/** A JSON object with the schema's members and up to `faults` faults. */
function membersOf({ properties = {}, required = [] }: Schema, faults: number): fc.Arbitrary<string> {
  const good = Object.entries(properties).map(([name, schema]) =>
    fc
      .tuple(fitting(name, schema), fc.boolean())
      .map(([value, isThere]): Members => (isThere || required.includes(name) ? [[name, value]] : [])),
  );
  const known = fc.constantFrom(...Object.keys(properties));
  const fault: fc.Arbitrary<(members: Members) => Members> = fc.oneof(
    {
      weight: 4,
      arbitrary: known.chain((name) =>
        hostileFor(name).map(
          (value) =>
            (members: Members): Members => [...members.filter(([other]) => other !== name), [name, value]],
        ),
      ),
    },
    // Adds a member, with a new name or with one that is there already. Of two with one name, the last counts.
    {
      weight: 2,
      arbitrary: fc.tuple(fc.oneof(known, hostileName), hostileJson, fc.nat(6)).map(
        ([name, value, at]) =>
          (members: Members): Members =>
            members.toSpliced(at, 0, [name, value]),
      ),
    },
    {
      weight: 1,
      arbitrary: known.map(
        (name) =>
          (members: Members): Members =>
            members.filter(([other]) => other !== name),
      ),
    },
  );
  return fc
    .tuple(fc.tuple(...good), fc.array(fault, { minLength: Math.min(faults, 1), maxLength: faults }))
    .map(([list, wrong]) => {
      const members = wrong.reduce((sofar, spoil) => spoil(sofar), list.flat());
      return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
    });
}
