/** Cloudflare's API, with wrangler's login. What wrangler does itself, such as uploading the Worker, is left to it. */
import * as z from "zod";
import { MINUTE } from "../../platform/clock.ts";
import { parseJson } from "../../platform/encoding.ts";
import { StepFailed } from "./step-failed.ts";

const loginSchema = z.union([
  z.object({ type: z.enum(["api_token", "oauth"]), token: z.string() }),
  z.object({ type: z.literal("api_key"), key: z.string(), email: z.string() }),
]);

export type Login = z.output<typeof loginSchema>;

/** The login that `wrangler auth token --json` prints, or `undefined` if there is none. */
export function readLogin(output: string): Login | undefined {
  const login = loginSchema.safeParse(parseJson(output));
  return login.success ? login.data : undefined;
}

const answerSchema = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
  result_info: z.object({ page: z.number(), per_page: z.number(), total_count: z.number() }).nullish().catch(undefined),
});

type Answer = z.output<typeof answerSchema>;

/** An address that is not there. */
const ABSENT = Symbol("absent");

/** Codes of a token that may not do this. */
const FORBIDDEN = [10_000, 9109];

export type Cloudflare = ReturnType<typeof openCloudflare>;

/** `fetcher` is replaced in tests, where `CLOUDFLARE_API_BASE_URL` leads to a stand-in, as it does for wrangler. */
export function openCloudflare(login: Login, stop: AbortSignal) {
  const base = process.env.CLOUDFLARE_API_BASE_URL ?? "https://api.cloudflare.com/client/v4";
  const headers: Record<string, string> =
    login.type === "api_key"
      ? { "X-Auth-Key": login.key, "X-Auth-Email": login.email }
      : { Authorization: `Bearer ${login.token}` };

  async function call(method: string, path: string, body?: object): Promise<Answer | typeof ABSENT> {
    const request = {
      method,
      headers: { ...headers, "Content-Type": "application/json" },
      signal: AbortSignal.any([stop, AbortSignal.timeout(MINUTE)]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await fetch(`${base}${path}`, request).catch((error: Error) => {
      throw new StepFailed(`Cloudflare's API can't be reached (${method} ${path}): ${reasonOf(error)}.`);
    });
    const answer = answerSchema.safeParse(parseJson(await response.text()));
    if (response.status === 404) return ABSENT;
    if (answer.success && answer.data.success) return answer.data;
    throw new StepFailed(explain(method, path, response.status, answer.data?.errors ?? []));
  }

  async function need(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await call(method, path, body);
    if (answer === ABSENT) throw new StepFailed(`Cloudflare has no ${path}.`);
    return answer;
  }

  return {
    /** What is at an address, or `undefined` if nothing is there. */
    async find<Value>(path: string, schema: z.ZodType<Value>): Promise<Value | undefined> {
      const answer = await call("GET", path);
      return answer === ABSENT ? undefined : schema.parse(answer.result);
    },
    /** Every entry of a list, page by page. `path` has a query already. */
    async list<Value>(path: string, schema: z.ZodType<Value>): Promise<Value[]> {
      const found: Value[] = [];
      for (let page = 1; ; page += 1) {
        const { result, result_info: info } = await need("GET", `${path}&page=${page}`);
        const entries = z.array(schema).parse(result);
        found.push(...entries);
        if (entries.length === 0 || !info || info.page * info.per_page >= info.total_count) return found;
      }
    },
    async post<Value>(path: string, body: object, schema: z.ZodType<Value>): Promise<Value> {
      return schema.parse((await need("POST", path, body)).result);
    },
  };
}

function reasonOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function explain(method: string, path: string, status: number, errors: Answer["errors"]): string {
  const reasons = errors.map(({ code, message }) => `${message} (${code})`).join("; ") || `status ${status}`;
  const isForbidden = status === 401 || status === 403 || errors.some(({ code }) => FORBIDDEN.includes(code));
  const hint = isForbidden
    ? "\nThe login lacks this permission: docs/deploy.md lists what a token needs; `npx wrangler login` has them all."
    : "";
  return `Cloudflare refused ${method} ${path}: ${reasons}.${hint}`;
}
