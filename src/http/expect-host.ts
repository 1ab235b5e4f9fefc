import { createMiddleware } from "hono/factory";
import { isLoopback } from "../config/values.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { answerProblem } from "./problem-response.ts";

/**
 * In development mode, answers only requests to a loopback host. Development mode shows all emails to every visitor, so
 * other machines must not get answers. Outside development mode, refuses plain http. A redirect to https would hide
 * that a client sends secrets unencrypted (OWASP REST Security Cheat Sheet).
 */
export function expectHost(development: boolean) {
  return createMiddleware<AppEnv>(async (c, next) => {
    if (development && !isLoopback(new URL(c.req.url).hostname)) return answerProblem(c, refuse("misdirected_request"));
    if (!development && !c.req.url.startsWith("https:")) return answerProblem(c, refuse("https_required"));
    return next();
  });
}
