import { createMiddleware } from "hono/factory";
import { isLoopback } from "../config/values.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { answerProblem } from "./problem-response.ts";

/**
 * In development mode, only requests to this machine are answered: the mode shows emails to every visitor, so a
 * deployment with this mode must not answer at all. Outside development, plain http is refused and not redirected, so
 * that developers notice clients that send secrets unencrypted (OWASP REST Security Cheat Sheet).
 */
export function expectHost(development: boolean) {
  return createMiddleware<AppEnv>(async (c, next) => {
    if (development && !isLoopback(new URL(c.req.url).hostname)) return answerProblem(c, refuse("misdirected_request"));
    if (!development && !c.req.url.startsWith("https:")) return answerProblem(c, refuse("https_required"));
    return next();
  });
}
