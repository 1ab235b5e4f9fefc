/** Hostile bodies: what the schema of an operation takes, with faults; and what is no JSON, no UTF-8, or too much. */
import fc from "fast-check";
import type { Endpoint } from "../../src/endpoint/endpoint.ts";
import { document } from "../support/openapi.ts";
import { fitting, hostileFor, hostileJson, hostileName, rarely, type Schema } from "./values.ts";

export interface HostileBody {
  text: string;
  /** How the text becomes bytes; `latin1` makes any byte of the character of its number. */
  encoding: "utf-8" | "utf-16le" | "latin1" | "gzip";
  /** Filled up with blanks to so many bytes at least. */
  size: number;
  /** In pieces, without a length. */
  streamed: boolean;
}

const MAX_BODY = 64 * 1024;

/** What the document says of an operation's body; of one that takes none, nothing. */
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

/** Bytes that are no UTF-8: overlong, half a sequence, a surrogate's, beyond Unicode, a mark of UTF-16. */
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

/** A JSON object of the schema's members, in which up to `faults` things are wrong. */
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
    // Beside what is there: a name of its own, or one twice, of which the last counts.
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
