import { createMiddleware } from "hono/factory";
import { isLoopback } from "../config/config.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { answerProblem } from "./problem-response.ts";

/**
 * Development mode answers this machine alone: it shows mails to whoever asks, so a deployment that was
 * left in it answers nobody. Outside development plain http is refused, not redirected, so that a client
 * which sends secrets in the clear is noticed (OWASP REST Security Cheat Sheet).
 */
export function expectHost(development: boolean) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { protocol, hostname } = new URL(c.req.url);
    if (development && !isLoopback(hostname)) return answerProblem(c, refuse("misdirected_request"));
    if (!development && protocol !== "https:") return answerProblem(c, refuse("https_required"));
    return next();
  });
}
