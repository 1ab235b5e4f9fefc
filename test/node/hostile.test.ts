import { beforeAll, describe, expect, it } from "vitest";
import { type Service, useClone } from "./live-service.ts";
import { type Exchange, exchange, type RawAnswer } from "./raw-http.ts";

/**
 * Sends over a socket what no HTTP client would send. Many of the requests never reach Postern's code. workerd's parser
 * answers them with 400, 414 or 501. wrangler's proxy answers with a bare 500 if the Host makes no URL, or if the
 * client hangs up. In production, Cloudflare's edge answers. Such answers have no `X-Request-Id` of Postern.
 */
const clone = useClone();
let service: Service;

beforeAll(async () => {
  service = await clone.serve(["--var", "RATE_LIMITING:off"]);
});

const CANARY = "c4nary-of-the-wire";
const SPEND = "/api/v1/auth/refresh";
const body = JSON.stringify({ refresh_token: CANARY });
const JSON_TYPE = "Content-Type: application/json";
const LENGTH = `Content-Length: ${body.length}`;
const CHUNKED = "Transfer-Encoding: chunked";
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

/** A request as it is on the wire. Each character is one byte. */
function request(
  line: string,
  headers: readonly string[] = [],
  content = "",
  host = new URL(service.origin).host,
): string {
  return [`${line} HTTP/1.1`, `Host: ${host}`, ...headers, "", content].join("\r\n");
}

const spend = (headers: readonly string[], content = body) =>
  request(`POST ${SPEND}`, [JSON_TYPE, ...headers], content);

/** Postern's answer: the status, or the code of a refusal. `not by us` for any other program's answer. */
const outcomeOf = ({ status, headers, body }: RawAnswer) =>
  headers.has("x-request-id") ? (status < 400 ? status : JSON.parse(body).code) : "not by us";

function judge({ answers, rest }: Exchange): void {
  expect(rest).not.toContain(CANARY);
  for (const { status, headers, body: text } of answers) {
    const said = [...headers].join("\n") + text;
    expect(said).not.toContain(CANARY);
    expect(said).not.toMatch(/^\s+at |node_modules|\.[mc]?[jt]s:\d|<html.*error/ims);
    if (!headers.has("x-request-id")) continue;
    expect(status).toBeLessThan(500);
    if (status >= 400) expect(headers.get("content-type")).toBe("application/problem+json");
  }
}

async function expectAlive(): Promise<void> {
  expect((await fetch(`${service.origin}/health`)).status).toBe(200);
  expect(service.output()).not.toContain('"event":"failure"');
}

type Row = [name: string, pieces: () => (string | Uint8Array)[], outcomes: unknown[], end?: "close" | "break"];

/** The outcome of a request that is refused before it reaches Postern. */
const BAD = ["not by us"];

const ROWS: Row[] = [
  ["two hosts", () => [request("GET /", ["Host: evil.example"])], ["not by us"]],
  ["another host", () => [request("GET /", [], "", "evil.example")], ["misdirected_request"]],
  ["no host", () => ["GET / HTTP/1.1\r\n\r\n"], BAD],
  ["an empty host", () => [request("GET /", [], "", "")], BAD],
  ["HTTP/1.0", () => [`GET /health HTTP/1.0\r\nHost: ${new URL(service.origin).host}\r\n\r\n`], [200]],
  ["HTTP/1.0 without a host", () => ["GET / HTTP/1.0\r\n\r\n"], BAD],
  ["HTTP/0.9", () => ["GET /\r\n\r\n"], BAD],
  ["another version", () => ["GET / HTTP/3.7\r\n\r\n"], BAD],
  ["HTTP/2 at once", () => ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], [], "close"],
  ["TLS", () => [Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3)], BAD, "close"],
  ["nothing", () => [""], [], "close"],

  ["two equal lengths", () => [spend([LENGTH, LENGTH])], ["invalid_refresh_token"]],
  ["two lengths", () => [spend([LENGTH, "Content-Length: 3"])], BAD],
  ["a list of lengths", () => [spend([`${LENGTH}, ${body.length}`])], BAD],
  ["a negative length", () => [spend(["Content-Length: -1"])], BAD],
  ["a signed length", () => [spend([LENGTH.replace(": ", ": +")])], BAD],
  ["a hexadecimal length", () => [spend(["Content-Length: 0x10"])], BAD],
  ["a length beyond numbers", () => [spend(["Content-Length: 99999999999999999999"])], BAD],
  ["an unknown transfer coding", () => [spend(["Transfer-Encoding: xchunked", LENGTH])], BAD],
  ["two transfer codings", () => [spend([CHUNKED, "Transfer-Encoding: identity"])], BAD],
  ["a blank before the colon", () => [spend(["Transfer-Encoding : chunked", LENGTH])], BAD],
  ["chunks", () => [spend([CHUNKED], `${chunk(body)}0\r\n\r\n`)], ["invalid_refresh_token"]],
  ["a chunk of no size", () => [spend([CHUNKED], `zz\r\n${body}\r\n0\r\n\r\n`)], ["not by us"]],
  ["a chunk beyond numbers", () => [spend([CHUNKED], `${"F".repeat(18)}\r\n${body}`)], ["not by us"]],

  ["two Authorization headers", () => [me(`Bearer ${CANARY}`, `Bearer ${CANARY}2`)], ["unauthorized"]],
  ["two content types", () => [spend(["Content-Type: text/plain", LENGTH])], ["unsupported_media_type"]],
  ["an Authorization of bytes", () => [me("Bearer \xe9\xff.\x80.\xc0\xaf")], ["invalid_access_token"]],
  ["a bearer of 60 KB", () => [me(`Bearer ${"a".repeat(60_000)}`)], ["invalid_access_token"]],
  ["a bearer of 300 KB", () => [me(`Bearer ${"a".repeat(300_000)}`)], ["invalid_access_token"]],
  [
    "a cookie of bytes",
    () => [
      request(`POST ${SPEND}`, [`Cookie: postern_refresh=\xff\xfe`, `Origin: ${service.origin}`, "Content-Length: 0"]),
    ],
    ["invalid_refresh_token"],
  ],
  ["a user agent of bytes", () => [request("GET /health", ["User-Agent: \xff\xfe\xc0\xaf"])], [200]],
  ["a client address of bytes", () => [spend(["CF-Connecting-IP: \xff\xfe", LENGTH])], ["invalid_refresh_token"]],

  ["a CR in a value", () => [request("GET /", ["X-Request-Id: abcdefgh\rSet-Cookie: injected=yes"])], BAD],
  ["a NUL in a value", () => [request("GET /", ["X-Request-Id: abcdefgh\u0000"])], BAD],
  ["an LF in a value, which ends it", () => [request("GET /", ["X-Note: a\nX-Request-Id: also-a-header"])], [200]],
  ["a blank in a name", () => [request("GET /", ["X Note: a"])], BAD],
  ["a header without a name", () => [request("GET /", [": a"])], BAD],
  ["a header without a colon", () => [request("GET /", ["nonsense"])], BAD],
  ["a folded header", () => [request("GET /", ["X-Note: a", " folded"])], BAD],

  ["a line of 200 KB", () => [request(`GET /${"a".repeat(200_000)}`)], ["not by us"]],
  ["a query of 60 KB", () => [request(`GET /health?${"a".repeat(60_000)}`)], [200]],
  ["a method of ours in small letters", () => [request("get /health")], ["not by us"]],
  ["an unknown method", () => [request("__proto__ /")], ["not by us"]],
  [
    "TRACE, which must not echo",
    () => [request("TRACE /api/v1/users/me", [`Authorization: Bearer ${CANARY}`])],
    ["method_not_allowed"],
  ],
  ["PROPFIND", () => [request("PROPFIND /")], ["method_not_allowed"]],
  ["CONNECT", () => [request("CONNECT evil.example:443")], ["not by us"]],
  ["an asterisk", () => [request("OPTIONS *")], ["not by us"]],
  ["a target with another host", () => [request("GET http://evil.example/health")], [200]],
  ["a target of two slashes", () => [request("GET //evil.example/")], ["not_found"]],
  ["a target that climbs", () => [request("GET /../../etc/passwd")], ["not_found"]],
  ["a target of bytes", () => [request("GET /\xff\xfe")], BAD],
  ["a target with a NUL", () => [request("GET /\u0000x")], BAD],
  ["no target", () => [request("GET ")], BAD],

  ["a body in pieces", () => [spend([LENGTH], body.slice(0, 5)), body.slice(5)], ["invalid_refresh_token"]],
  ["a body longer than its length", () => [spend([LENGTH], `${body}${CANARY}`)], ["invalid_refresh_token"], "close"],
  ["a body shorter than its length", () => [spend(["Content-Length: 500"])], ["not by us"], "close"],
  ["a body that breaks off", () => [spend(["Content-Length: 500"])], [], "break"],
  ["chunks that break off", () => [spend([CHUNKED], "50\r\nabc")], ["not by us"], "close"],
  ["a head that breaks off", () => ["GET / HTTP/1.1\r\nHo"], [], "break"],
  ["a head that ends too soon", () => ["GET / HTTP/1.1\r\nHo"], [], "close"],
  ["a GET with a body", () => [request("GET /health", ["Content-Length: 5"], "hello")], [200]],
  ["an upgrade that is not offered", () => [request("GET /health", ["Connection: Upgrade", "Upgrade: h2c"])], [200]],
];

/**
 * Postern answers these requests before it has the whole body. wrangler's proxy is still sending, and sometimes fails.
 */
const LONG_ROWS: typeof ROWS = [
  ["a body of a megabyte", () => [spend(["Content-Length: 1048576"], "a".repeat(1_048_576))], ["payload_too_large"]],
  [
    "a megabyte in one chunk",
    () => [spend([CHUNKED], `${chunk("a".repeat(1_048_576))}0\r\n\r\n`)],
    ["payload_too_large"],
  ],
];

const me = (...authorization: string[]) =>
  request(
    "GET /api/v1/users/me",
    authorization.map((value) => `Authorization: ${value}`),
  );

describe("over a socket", () => {
  const isAnswered = async (...[, pieces, outcomes, end]: (typeof ROWS)[number]) => {
    const heard = await exchange(service.origin, pieces(), {
      expected: Math.max(1, outcomes.length),
      end: end ?? "wait",
    });
    judge(heard);
    expect(heard.answers.map(outcomeOf)).toEqual(outcomes);
    await expectAlive();
  };

  it.each(ROWS)("%s: is answered without a failure, and the service lives on", isAnswered);

  it.each(LONG_ROWS)("%s: is answered without a failure, and the service lives on", { retry: 5 }, isAnswered);

  it("requests that follow each other on one connection are answered in order, each with its own", async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `pipelined-${index}`);
    const paths = ["GET /health", "GET /nowhere", `POST ${SPEND}`, "GET /api/v1/users/me"];
    const sent = ids.map((id, index) => {
      const line = paths[index % paths.length] ?? "";
      const named = `X-Request-Id: ${id}`;
      return line.startsWith("POST") ? request(line, [JSON_TYPE, LENGTH, named], body) : request(line, [named]);
    });
    const heard = await exchange(service.origin, [sent.join("")], { expected: ids.length });
    judge(heard);
    expect(heard.answers.map(({ headers }) => headers.get("x-request-id"))).toEqual(ids);
    const each = [200, "not_found", "invalid_refresh_token", "unauthorized"];
    expect(heard.answers.map(outcomeOf)).toEqual([...each, ...each, ...each]);
  });

  it.each([
    ["a length that hides it", (hidden: string) => spend([`Content-Length: 4`, CHUNKED], `0\r\n\r\n${hidden}`)],
    [
      "a length that ends in it",
      (hidden: string) => spend([CHUNKED, `Content-Length: ${hidden.length + 5}`], `0\r\n\r\n${hidden}`),
    ],
    [
      "a coding after a comma",
      (hidden: string) => spend(["Transfer-Encoding: gzip, chunked", "Content-Length: 4"], `0\r\n\r\n${hidden}`),
    ],
  ])("a request behind conflicting framing, %s, is never answered to another client", async (_, smuggle) => {
    const hidden = request("GET /health", ["X-Request-Id: the-hidden-one"]);
    const [first, second] = await Promise.all([
      exchange(service.origin, [smuggle(hidden)], { expected: 2 }),
      exchange(service.origin, [request("GET /", ["X-Request-Id: an-innocent-one"])]),
    ]);
    judge(first);
    // The chunks count, and not Content-Length (RFC 9112 §6.3). So the first request ends with its last chunk.
    expect(first.answers.slice(0, 1).map(outcomeOf)).toEqual(["invalid_refresh_token"]);
    expect(first.answers.slice(1).every(({ headers }) => headers.get("x-request-id") === "the-hidden-one")).toBe(true);
    expect(second.answers.map(({ headers }) => headers.get("x-request-id"))).toEqual(["an-innocent-one"]);
    await expectAlive();
  });

  it("a body that a client sends slowly keeps no other client waiting", async () => {
    const slow = exchange(service.origin, [spend([LENGTH], ""), ...body], { expected: 1 });
    for (let count = 0; count < 5; count += 1) await expectAlive();
    expect((await slow).answers.map(outcomeOf)).toEqual(["invalid_refresh_token"]);
  });
});
