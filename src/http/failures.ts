/** The answers to unknown routes and to unexpected failures. */
import type { Context } from "hono";
import { routePath } from "hono/route";
import { StorageUnavailable } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { answerProblem } from "./problem-response.ts";
import { PROBLEMS } from "./problems.ts";
import { pathPattern } from "./routes.ts";

/** Answers 404 if the path is unknown, and 405 with `Allow` if the path is known, but not with this method. */
export function answerUnknownRoute(routes: readonly { method: string; path: string; answersHead: boolean }[]) {
  return (c: Context<AppEnv>): Response => {
    const here = routes.filter(({ path }) => pathPattern(path).test(c.req.path));
    if (here.length === 0) return answerProblem(c, refuse("not_found"));
    const methods = here.map(({ method }) => method.toUpperCase());
    if (here.some(({ answersHead }) => answersHead)) methods.push("HEAD");
    const Allow = [...new Set(methods), "OPTIONS"].join(", ");
    if (c.req.method === "OPTIONS") return c.body(null, 204, { Allow });
    return answerProblem(c, refuse("method_not_allowed", { headers: { Allow } }));
  };
}

/**
 * Headers that the endpoint may have set before it failed. Hono would add these headers to the error response, but they
 * don't describe it.
 */
const OF_ANOTHER_ANSWER = ["Content-Disposition", "Content-Language", "Content-Security-Policy", "ETag", "Set-Cookie"];

/** Answers an unexpected failure, and logs it once with the request id. The client learns only whether to try again. */
export function answerFailure(error: Error, c: Context<AppEnv>): Response {
  for (const name of OF_ANOTHER_ANSWER) c.header(name, undefined);
  const code = isUnavailable(error) ? "unavailable" : "internal_error";
  const { status } = PROBLEMS[code];
  const request = { method: c.req.method, route: routePath(c, -1), status, error_code: code };
  writeLog("error", { event: "failure", ...request, error: describeError(error) });
  return answerProblem(c, refuse(code));
}

/** Whether an error or one of its causes is a failed storage call. Drizzle wraps the errors of storage calls. */
function isUnavailable(error: unknown): boolean {
  return error instanceof Error && (error instanceof StorageUnavailable || isUnavailable(error.cause));
}
