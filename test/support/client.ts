import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Bindings } from "../../src/bindings.ts";
import { parseConfig } from "../../src/config/config.ts";
import { type ErrorCode, PROBLEMS } from "../../src/http/problems.ts";
import { encodeBase64url } from "../../src/platform/encoding.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { neverLog } from "./logs.ts";
import { expectDocumented } from "./openapi.ts";

export const ORIGIN = "http://localhost:8787";

export interface Call {
  body?: unknown;
  /** An access token. */
  bearer?: string | undefined;
  headers?: Record<string, string>;
  /** The client's address. The default is a new one for each call, so that no limit applies. */
  address?: string;
}

/** A response whose body was read. `json` is the parsed body, deliberately untyped. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read members that the check against the document has verified.
  json: any;
}

export type Send = (request: Request) => Promise<Response>;

/** The real Worker, over HTTP. */
export const theWorker: Send = (request) => exports.default.fetch(request);

/** The same app with other configuration values, on the same bindings unless others are given. */
export function appWith(values: Record<string, string>, bindings: Partial<Bindings> = {}): Send {
  const app = createApp(parseConfig({ ...env, ...values }));
  return async (request) => {
    const context = createExecutionContext();
    const response = await app.fetch(request, { ...env, ...bindings }, context);
    await waitOnExecutionContext(context);
    return response;
  };
}

/** The app as it is deployed at an origin. Requests keep their own URL. */
export function deployedAt(origin: string, more: Record<string, string> = {}): Send {
  return appWith({
    ENVIRONMENT: "production",
    PUBLIC_URL: origin,
    AUTH_SECRET: encodeBase64url(systemRandom.bytes(48)),
    MAIL_TRANSPORT: "cloudflare",
    MAIL_FROM: "no-reply@example.com",
    SCRYPT_LN: "15",
    SCRYPT_P: "3",
    ...more,
  });
}

/**
 * Configuration values for a hashing lane, in which up to `length` passwords may wait. Only hashes that block other
 * requests go through the lane. `SCRYPT_LN` 14 is the lowest cost of such a hash.
 */
export const laneOf = (length: number) => ({ SCRYPT_LN: "14", HASH_LANE_LENGTH: String(length) });

let addresses = 0;

/** An unused address from the range for documentation (RFC 3849). */
export function freshAddress(): string {
  addresses += 1;
  return `2001:db8:${addresses.toString(16)}::1`;
}

/** Sends a request and checks the response against the OpenAPI document. */
export async function call(method: string, path: string, options: Call = {}, send: Send = theWorker): Promise<Answer> {
  const url = new URL(path, ORIGIN).href;
  const headers = new Headers({ "CF-Connecting-IP": options.address ?? freshAddress(), ...options.headers });
  if (options.bearer !== undefined) headers.set("Authorization", `Bearer ${options.bearer}`);
  const init: RequestInit = { method, headers, redirect: "manual" };
  if (options.body !== undefined) {
    if (!headers.has("Content-Type")) headers.set("Content-Type", "application/json");
    init.body = typeof options.body === "string" ? options.body : JSON.stringify(options.body);
    rememberSecrets(options.body);
  }
  neverLog(options.bearer);
  rememberCookies(headers.get("Cookie"));
  const response = await send(new Request(url, init));
  rememberCookies(response.headers.get("Set-Cookie"));
  await expectDocumented(method, url, response);
  const text = await response.text();
  const json =
    /[/+]json/.test(response.headers.get("Content-Type") ?? "") && text !== "" ? JSON.parse(text) : undefined;
  rememberSecrets(json);
  return { status: response.status, headers: response.headers, text, json };
}

export const get = (path: string, options?: Call, send?: Send) => call("GET", path, options, send);
export const post = (path: string, body?: unknown, options?: Call, send?: Send) =>
  call("POST", path, { ...options, body }, send);

/** Sends requests one after another. Returns their statuses. */
export async function inTurn(count: number, request: (index: number) => Promise<Answer>): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index++) statuses.push((await request(index)).status);
  return statuses;
}

/** Runs this many calls at once. Returns their results. */
export function atOnce<Result>(count: number, run: (index: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => run(index)));
}

/** The fields that a refused body or query names. */
export const refusedFields = ({ json }: Answer): string[] => json.errors.map(({ field }: { field: string }) => field);

/** What a client could compare: everything in a response except the request's id and the timings of development. */
export function shown({ status, text, headers }: Answer) {
  const kept = [...headers].filter(([name]) => !/^(x-request-id|server-timing)$/.test(name));
  return { status, headers: kept, text: text.replace(/"request_id":"[^"]*"/, "") };
}

/** Expects a refusal with this code and the form that all refusals have. */
export function expectProblem(answer: Answer, status: number, code: ErrorCode): void {
  expect({ status: answer.status, code: answer.json?.code }).toEqual({ status, code });
  expect(answer.headers.get("Content-Type")).toBe("application/problem+json");
  const { title, detail } = PROBLEMS[code];
  expect(answer.json).toMatchObject({ type: `urn:postern:problem:${code}`, title, detail, status });
  expect(answer.json.request_id).toBe(answer.headers.get("X-Request-Id"));
  expect(answer.headers.get("Cache-Control")).toBe("no-store");
}

function rememberCookies(text: string | null): void {
  for (const [, value] of (text ?? "").matchAll(/=([^;,\s]{20,})/g)) neverLog(value);
}

function rememberSecrets(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === "object") rememberSecrets(member);
    if (typeof member === "string" && /password|token$|email|^to$|^text$|^html$/.test(name)) neverLog(member);
  }
}
