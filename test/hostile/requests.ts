/**
 * Hostile requests, made from the OpenAPI document: for each operation what it takes, with something wrong in
 * a place or two. They are plain values, so that fast-check can shrink and print them; secrets stand in them as
 * `<<names>>` and are put in when they are sent.
 */
import fc from "fast-check";
import type { Operation } from "../../src/http/operation.ts";
import { document } from "../support/openapi.ts";
import { CANARY } from "./cast.ts";
import { ABSENT_ID, fitting, hostileJson, hostileName, hostileText, type Schema } from "./values.ts";

export interface HostileRequest {
  method: string;
  /** With its query, as it stands on the wire. */
  path: string;
  headers: [name: string, value: string][];
  body: HostileBody | null;
  /** Whose access token it carries. */
  as: "nobody" | "user" | "superuser";
  /** Whether the limits are on: then 429 is an answer too. */
  limited: boolean;
}

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

/** Requests that aim at one operation. */
export function requestsTo(operation: Operation): fc.Arbitrary<HostileRequest> {
  return fc.record({
    method: rarely(operation.method.toUpperCase(), methods),
    path: fc.tuple(pathsOf(operation), queriesOf(operation)).map((pieces) => pieces.join("")),
    headers: headersOf(operation),
    body: bodiesOf(operation),
    as: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("user" as const, "superuser" as const) },
      { weight: 1, arbitrary: fc.constant("nobody" as const) },
    ),
    limited: rarely(false, fc.constant(true)),
  });
}

/** Requests that aim at nothing. */
export const requestsNowhere: fc.Arbitrary<HostileRequest> = fc.record({
  method: fc.oneof(fc.constantFrom("GET", "POST"), methods()),
  path: fc.oneof(
    fc.constantFrom("/nowhere", "/api/v1", "/api", "/static/../openapi.json", "/pages/link.html", "/.env", "/index.ts"),
    fc.constantFrom(
      "/.git/config",
      "/api/v1/users//me",
      "/cdn-cgi/x",
      `/${"a/".repeat(5_000)}`,
      "/%",
      "/%ff%fe",
      "/\\",
    ),
    fc.webPath(),
    hostileText.map((text) => `/${encodeURIComponent(text.toWellFormed())}`),
  ),
  headers: fc.array(header(), { maxLength: 3 }),
  body: fc.constant(null),
  as: fc.constantFrom("nobody", "user", "superuser"),
  limited: fc.constant(false),
});

function rarely<Value>(usual: Value, odd: fc.Arbitrary<Value> | (() => fc.Arbitrary<Value>)): fc.Arbitrary<Value> {
  const arbitrary = typeof odd === "function" ? odd() : odd;
  return fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary });
}

function methods(): fc.Arbitrary<string> {
  return fc.constantFrom("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST", "PROPFIND", "REPORT", "PURGE", "get");
}

function pathsOf({ path }: Operation): fc.Arbitrary<string> {
  const ids = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("<<target.id>>", "<<user.id>>", "<<superuser.id>>", "<<user.session>>") },
    { weight: 2, arbitrary: fc.constantFrom(ABSENT_ID, ABSENT_ID.toUpperCase(), "-".repeat(36), "f".repeat(36)) },
    { weight: 1, arbitrary: fc.constantFrom("me", "..", "%2e%2e", "%00", "null", "*", "' OR 1=1", "x".repeat(5_000)) },
  );
  const plain = path.includes("{id}") ? ids.map((id) => path.replace("{id}", id)) : fc.constant(path);
  const spoil = fc.constantFrom<(path: string) => string>(
    (path) => `${path}/`,
    (path) => `${path}//`,
    (path) => `/${path}`,
    (path) => `${path}%00`,
    (path) => `${path}%E0%A4%A`,
    (path) => `${path};v=1`,
    (path) => `${path}.json`,
    (path) => `${path}/%2e%2e/%2e%2e`,
    (path) => path.replace("/a", "/%61"),
    (path) => path.replaceAll("/", "%2F").replace("%2F", "/"),
    (path) => path.toUpperCase(),
    (path) => `${path}\u00e9\u202e`,
    (path) => `${path}/${"a".repeat(8_000)}`,
    (path) => path.replaceAll("/", "\\"),
  );
  return fc
    .tuple(
      plain,
      rarely<(path: string) => string>((path) => path, spoil),
    )
    .map(([usual, change]) => change(usual));
}

interface Parameter {
  name: string;
  in: string;
  schema: Schema;
}

function queriesOf(operation: Operation): fc.Arbitrary<string> {
  const described: Parameter[] = document.paths[operation.path][operation.method].parameters ?? [];
  const own = described.filter((one) => one.in === "query");
  const text = hostileText.map((value) => value.toWellFormed().slice(0, 3_000));
  const encoded = fc.oneof(
    text.map(encodeURIComponent),
    fc.constantFrom("%", "%E0%A4%A", "%ff", "%00", "+", "a=b", ""),
  );
  const good = own.map(({ name, schema }) =>
    fitting(name, schema).map((value) => {
      const text = value.replace(/^"(.*)"$/s, "$1");
      return `${name}=${text.startsWith("<<") ? text : encodeURIComponent(text.toWellFormed())}`;
    }),
  );
  const odd = fc.tuple(
    fc.constantFrom(...own.map(({ name }) => name), "limit[]", "limit[0]", "access_token", "__proto__", "toString", ""),
    fc.constantFrom("=", "==", "", "=&", ";"),
    encoded,
  );
  const parameter = fc.oneof(
    ...good,
    odd.map((pieces) => pieces.join("")),
  );
  const many = fc.array(parameter, { maxLength: own.length > 0 ? 4 : 1 });
  return many.map((list) => (list.length === 0 ? "" : `?${list.join("&")}`));
}

function headersOf(operation: Operation): fc.Arbitrary<HostileRequest["headers"]> {
  const type = rarely("application/json", () =>
    fc.constantFrom(
      "",
      "text/plain",
      "application/json; charset=utf-16",
      "application/json;;;",
      "APPLICATION/JSON",
      "application/json, text/html",
      "application/problem+json",
      "multipart/form-data; boundary=x",
      "application/x-www-form-urlencoded",
      `application/json; x="${"y".repeat(4_000)}`,
    ),
  );
  const others = fc.array(header(), { maxLength: 3 });
  if (operation.body === undefined) return others;
  return fc.tuple(type, others).map(([value, list]) => [["Content-Type", value], ...list]);
}

/** One header that a client may send. A name may come twice: then the values are joined, as HTTP does. */
function header(): fc.Arbitrary<[string, string]> {
  const printable = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  const anything = fc.oneof(
    printable,
    fc.constantFrom("", ",", ";", '"', "*", "=", "x".repeat(8_000), "a,".repeat(2_000)),
  );
  const listed: Record<string, readonly string[]> = {
    Authorization: [
      "Bearer",
      `Bearer ${CANARY}`,
      `Basic ${btoa(`${CANARY}:${CANARY}`)}`,
      "Bearer <<user.access>>x",
      "bearer  <<superuser.access>>",
      "Bearer <<user.refresh>>",
      "Bearer <<user.access>>, Bearer <<superuser.access>>",
      `Digest username="${CANARY}"`,
      `Bearer ${"a.".repeat(3_000)}`,
    ],
    Cookie: [
      "__Secure-postern_refresh=<<user.refresh>>",
      `__Secure-postern_refresh=${CANARY}`,
      "__Secure-postern_refresh=%E0%A4%A",
      "__Secure-postern_refresh=<<user.refresh>>; __Secure-postern_refresh=<<target.refresh>>",
      `${CANARY}; =; ;;=${CANARY}; "`,
      `a=${"b".repeat(8_000)}`,
    ],
    Origin: [
      "null",
      "http://localhost:8787",
      "https://evil.example",
      "http://localhost:8787, https://evil.example",
      "//",
    ],
    "If-Match": ["*", '""', '"x", *', 'W/"1-0"', "0", `"${"1".repeat(4_000)}"`],
    "If-None-Match": ["*", '"', 'W/"x", "y"', "\t"],
    "If-Modified-Since": ["yesterday", "Thu, 01 Jan 1970 00:00:00 GMT"],
    Range: ["bytes=0-0", "bytes=9999999-", "bytes=-1", "lines=1", "bytes=0-0,1-1,2-2"],
    "Accept-Language": ["*", "de;q=0", "de;q=1e9", "de-".repeat(2_000), "de,".repeat(3_000), ";q=", "en;q=0.0001"],
    "Accept-Encoding": ["gzip;q=0", "br", "identity;q=0, *;q=0"],
    Accept: ["text/html", "image/*", "q"],
    "X-Request-Id": ["short", "a%0d%0aSet-Cookie:x", "x".repeat(65), "../../etc", "<b>bold</b>"],
    "CF-Connecting-IP": [
      "",
      "::",
      ":::::::::",
      "1.2.3.4, 5.6.7.8",
      "::ffff:1.2.3.4",
      "fe80::1%eth0",
      "unknown",
      "1".repeat(5_000),
    ],
    "X-Forwarded-For": ["127.0.0.1"],
    "X-Forwarded-Host": ["evil.example"],
    "X-Forwarded-Proto": ["javascript"],
    "X-HTTP-Method-Override": ["DELETE"],
    "X-Original-URL": ["/dev/outbox"],
    "Content-Encoding": ["gzip", "br", "identity", "gzip, gzip"],
    "Transfer-Encoding": ["chunked", "gzip, chunked", "x"],
    Expect: ["100-continue", "nothing"],
    Upgrade: ["websocket", "h2c"],
    Connection: ["Upgrade", "close, Authorization"],
    "User-Agent": ["", "' OR 1=1 --", "<script>", "()  { :;}; echo"],
    "Access-Control-Request-Method": ["POST", "", "TRACE"],
    "Access-Control-Request-Headers": ["authorization", "*", "x".repeat(4_000)],
    "Sec-Fetch-Site": ["cross-site"],
    Host: ["evil.example", "localhost:99999"],
  };
  return fc
    .constantFrom(...Object.entries(listed))
    .chain(([name, values]) =>
      fc
        .oneof({ weight: 5, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: anything })
        .map((value): [string, string] => [name, value]),
    );
}

function bodiesOf(operation: Operation): fc.Arbitrary<HostileBody | null> {
  const plain = (text: fc.Arbitrary<string>) =>
    fc.record({
      text,
      encoding: rarely<HostileBody["encoding"]>("utf-8", () => fc.constantFrom("utf-16le", "latin1", "gzip")),
      size: rarely(0, () => fc.constantFrom(MAX_BODY - 1, MAX_BODY, MAX_BODY + 1, 3 * 1024 * 1024)),
      streamed: rarely(false, fc.constant(true)),
    });
  if (operation.body === undefined) return rarely<HostileBody | null>(null, plain(hostileJson));
  const { schema } = document.paths[operation.path][operation.method].requestBody.content["application/json"];
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

/** A JSON object of the schema's members, in which up to `faults` things are wrong. */
function membersOf({ properties = {}, required = [] }: Schema, faults: number): fc.Arbitrary<string> {
  const good = Object.entries(properties).map(([name, schema]) =>
    fc
      .tuple(fitting(name, schema), fc.boolean())
      .map(([value, isThere]) => (isThere || required.includes(name) ? [member(name, value)] : [])),
  );
  const names = fc.oneof(fc.constantFrom(...Object.keys(properties)), hostileName);
  const fault = fc.oneof(
    // A member with a hostile value: beside the good one of its name it is that member again.
    fc.record({
      at: fc.nat(6),
      put: fc.tuple(names, hostileJson).map(([name, value]) => [member(name, value)]),
      over: fc.boolean(),
    }),
    fc.record({ at: fc.nat(6), put: fc.constant([]), over: fc.constant(true) }),
  );
  return fc
    .tuple(fc.tuple(...good), fc.array(fault, { minLength: Math.min(faults, 1), maxLength: faults }))
    .map(([list, wrong]) => {
      const members = list.flat();
      for (const { at, put, over } of wrong) members.splice(at, over ? 1 : 0, ...put);
      return `{${members.join(",")}}`;
    });
}

const member = (name: string, value: string) => `${JSON.stringify(name)}:${value}`;
