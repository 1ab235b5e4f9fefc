/** What happens when nobody answers, or somebody throws. */
import type { Context } from "hono";
import { StorageUnavailable } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { answerProblem } from "./answer.ts";
import type { AppEnv } from "./app-env.ts";
import { type App, operationsOf, pathPattern } from "./operation.ts";
import { refuse } from "./problems.ts";

/** 404 where the path is unknown, 405 with `Allow` where only the method is. */
export function answerUnknownRoute(app: App) {
  return (c: Context<AppEnv>): Response => {
    const methods = operationsOf(app)
      .filter((operation) => pathPattern(operation).test(c.req.path))
      .map((operation) => operation.method.toUpperCase());
    if (methods.length === 0) return answerProblem(c, refuse("not_found"));
    if (methods.includes("GET")) methods.push("HEAD");
    const Allow = [...new Set(methods), "OPTIONS"].join(", ");
    if (c.req.method === "OPTIONS") return c.body(null, 204, { Allow });
    return answerProblem(c, refuse("method_not_allowed", { headers: { Allow } }));
  };
}

/** Surprises: logged once with the request id; the client learns nothing but whether to try again. */
export function answerFailure(error: Error, c: Context<AppEnv>): Response {
  writeLog("error", { event: "failure", request_id: c.get("requestId"), error: describeError(error) });
  return answerProblem(c, refuse(isUnavailable(error) ? "unavailable" : "internal_error"));
}

/** Drizzle wraps what a storage call throws. */
function isUnavailable(error: unknown): boolean {
  return error instanceof Error && (error instanceof StorageUnavailable || isUnavailable(error.cause));
}
