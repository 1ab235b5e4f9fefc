/** Sends a hostile request, and checks what must be true of every response. */
import { expect } from "vitest";
import { PROBLEMS } from "../../src/http/problems.ts";
import { ORIGIN } from "../support/client.ts";
import { rawLogs } from "../support/logs.ts";
import { expectDocumented } from "../support/openapi.ts";
import type { HostileBody } from "./bodies.ts";
import { CANARY, type Cast } from "./cast.ts";
import type { HostileRequest } from "./requests.ts";

type Send = (request: Request) => Promise<Response>;

/** Internals that no error may show: stack frames, files, SQL, and names of bindings and libraries. */
const INSIDES =
  /\bat (async )?[\w.<]+ \(|[\w-]\.[mc]?[jt]s:\d|node_modules|workerd|sqlite|\bD1_|drizzle|Failed query|\bselect\b.*\bfrom\b|insert into|TypeError|RangeError|ZodError|USER_SESSIONS|RATE_LIMITER|REVOCATIONS|AUTH_SECRET/i;

/** Sends the request, with its placeholders filled in. `undefined` if no HTTP client could send it. */
export async function sendHostile(
  hostile: HostileRequest,
  cast: Cast,
  { plain, limited }: { plain: Send; limited: Send },
): Promise<{ status: number; request: Request } | undefined> {
  await cast.rally();
  const sent = new Set<string>();
  const fill = (text: string) =>
    text.replaceAll(/<<([a-z]+\.([a-z]+))>>/g, (whole, word: string, field: string) => {
      const own = hostile.as === "nobody" ? "target" : hostile.as;
      const value = cast.words.get(word.replace(/^own\b/, own)) ?? whole;
      if (/password|access|refresh|link|pending|recovery/.test(field)) sent.add(value);
      return value;
    });
  const request = await build(hostile, fill);
  if (request === undefined) return undefined;
  const logs = rawLogs();
  const response = await (hostile.limited ? limited : plain)(request);
  const answer = await response.clone().text();
  await judge(hostile, request, response, answer, [CANARY, ...sent], logs);
  if (mayChangeSomebody(request, response, answer)) cast.isInDoubt = true;
  return { status: response.status, request };
}

async function judge(
  hostile: HostileRequest,
  request: Request,
  response: Response,
  text: string,
  secrets: readonly string[],
  logs: () => string[],
): Promise<void> {
  const said = JSON.stringify([...response.headers]) + text;
  expect(response.status, text).toBeLessThan(500);
  if (response.status === 429) expect(hostile.limited, "429 without limits").toBe(true);
  for (const secret of secrets) {
    expect(said.includes(secret), `the answer holds the secret ${secret.slice(0, 12)}…`).toBe(false);
    expect(
      logs().some((line) => line.includes(secret)),
      `a log line holds ${secret.slice(0, 12)}…`,
    ).toBe(false);
  }
  await expectDocumented(request.method, request.url, response);
  if (response.status < 400) return;
  expect(said).not.toMatch(INSIDES);
  // A browser gets a page for a 404 instead of problem details.
  if (response.status === 404 && response.headers.get("Content-Type")?.startsWith("text/html")) return;
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  if (request.method === "HEAD") return;
  const { code, status, request_id } = JSON.parse(text);
  expect(Object.keys(PROBLEMS)).toContain(code);
  expect([status, request_id]).toEqual([response.status, response.headers.get("X-Request-Id")]);
  expect(text.length, "no answer is much longer than what it answers").toBeLessThan(6_000);
}

/** Whether the request may have changed a user of the cast. A refresh token that is used twice ends a session too. */
function mayChangeSomebody({ method, url }: Request, { ok }: Response, answer: string): boolean {
  if (answer.includes("refresh_token_reused")) return true;
  const isHarmless = /\/auth\/(register|login|resend-verification|forgot-password|email-login)\/?$/.test(
    new URL(url).pathname,
  );
  return ok && !isHarmless && !/^(GET|HEAD|OPTIONS)$/.test(method);
}

async function build(hostile: HostileRequest, fill: (text: string) => string): Promise<Request | undefined> {
  try {
    const headers = new Headers({ "CF-Connecting-IP": freshAddress() });
    if (hostile.as !== "nobody") headers.set("Authorization", fill(`Bearer <<${hostile.as}.access>>`));
    const seen = new Set<string>();
    for (const [name, value] of hostile.headers) {
      // The first value of a name replaces the header that is set above. Each further value is joined to it.
      if (seen.has(name)) headers.append(name, fill(value));
      else headers.set(name, fill(value));
      seen.add(name);
    }
    const hasBody = hostile.body !== null && !/^(GET|HEAD)$/i.test(hostile.method);
    const body = hasBody && hostile.body !== null ? await bytesOf(hostile.body, fill) : null;
    const url = ORIGIN + fill(hostile.path);
    return new Request(url, { method: hostile.method, headers, body, redirect: "manual" });
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

async function bytesOf(body: HostileBody, fill: (text: string) => string): Promise<Uint8Array | ReadableStream> {
  const text = fill(body.text).padEnd(body.size);
  const bytes = await encode(text, body.encoding);
  return body.streamed ? new Blob([bytes]).stream() : bytes;
}

async function encode(text: string, encoding: HostileBody["encoding"]): Promise<Uint8Array<ArrayBuffer>> {
  switch (encoding) {
    case "utf-16le":
      return new Uint8Array(Uint16Array.from(text, (character) => character.charCodeAt(0)).buffer);
    case "latin1":
      return Uint8Array.from(text, (character) => character.charCodeAt(0));
    case "gzip": {
      const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
      return new Uint8Array(await new Response(packed).arrayBuffer());
    }
    default:
      return new Uint8Array(new TextEncoder().encode(text));
  }
}

let addresses = 0;

function freshAddress(): string {
  addresses += 1;
  return `2001:db8:${(addresses >> 16).toString(16)}:${(addresses & 0xffff).toString(16)}::1`;
}
