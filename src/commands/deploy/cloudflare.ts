/** Calls Cloudflare's API with wrangler's login. Other steps, such as uploading the Worker, run wrangler instead. */
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

type Answered = z.output<typeof answerSchema> & { status: number };

/** Cloudflare's error codes for a token that lacks a permission. */
const FORBIDDEN = [10_000, 9109];

/** Cloudflare's error codes for a path that does not exist, for example because its account id is wrong. */
const NO_ROUTE = [7000, 7003];

export type Cloudflare = ReturnType<typeof openCloudflare>;

/** In tests, `CLOUDFLARE_API_BASE_URL` is the address of a fake API. Wrangler reads the same variable. */
export function openCloudflare(login: Login, stop: AbortSignal) {
  const base = process.env.CLOUDFLARE_API_BASE_URL ?? "https://api.cloudflare.com/client/v4";
  const headers: Record<string, string> =
    login.type === "api_key"
      ? { "X-Auth-Key": login.key, "X-Auth-Email": login.email }
      : { Authorization: `Bearer ${login.token}` };

  async function call(method: string, path: string, body?: object): Promise<Answered> {
    const request = {
      method,
      headers: { ...headers, "Content-Type": "application/json" },
      signal: AbortSignal.any([stop, AbortSignal.timeout(MINUTE)]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await fetch(`${base}${path}`, request).catch((error: Error) => {
      throw new StepFailed(`Cloudflare's API can't be reached (${method} ${path}): ${reasonOf(error)}.`);
    });
    const { status } = response;
    const { data } = answerSchema.safeParse(parseJson(await response.text()));
    if (data === undefined) throw new StepFailed(explainStranger(`${method} ${path}`, status));
    return { ...data, status };
  }

  async function need(method: string, path: string, body?: object): Promise<Answered> {
    const answer = await call(method, path, body);
    if (!answer.success) throw new StepFailed(explain(`${method} ${path}`, answer));
    return answer;
  }

  return {
    /** Reads a path of the API. Returns `undefined` if nothing is there. */
    async find<Value>(path: string, schema: z.ZodType<Value>): Promise<Value | undefined> {
      const answer = await call("GET", path);
      if (answer.success) return schema.parse(answer.result);
      // NO_ROUTE may mean a wrong account id. `undefined` would make the command create things, such as AUTH_SECRET.
      if (answer.status === 404 && !hasCode(answer, NO_ROUTE)) return undefined;
      throw new StepFailed(explain(`GET ${path}`, answer));
    },
    /** Reads every entry of a list, page by page. `path` must already have a query string. */
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

function hasCode({ errors }: Answered, codes: readonly number[]): boolean {
  return errors.some(({ code }) => codes.includes(code));
}

function explain(call: string, answer: Answered): string {
  const { errors, status } = answer;
  const reasons = errors.map(({ code, message }) => `${message} (${code})`).join("; ") || `status ${status}`;
  return `Cloudflare refused ${call}: ${reasons}.${hintOn(answer)}`;
}

function hintOn(answer: Answered): string {
  if (hasCode(answer, NO_ROUTE))
    return "\nIs the id of the account right? It is in CLOUDFLARE_ACCOUNT_ID or account_id.";
  if (![401, 403].includes(answer.status) && !hasCode(answer, FORBIDDEN)) return "";
  return "\nThe login lacks this permission: docs/deploy.md lists what a token needs; `npx wrangler login` has them all.";
}

function explainStranger(call: string, status: number): string {
  return `What answered ${call} (status ${status}) is not Cloudflare's API, or it has a problem. Is there a proxy or a login page
in between? https://www.cloudflarestatus.com shows problems.`;
}
