import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";

const EVERYWHERE = {
  "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Opener-Policy": "same-origin",
  // No page embeds an answer. Who may read one across origins by CORS still does.
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/** An API answer is never rendered, so it may load nothing at all. Pages bring their own policy. */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

/**
 * Security headers on every answer (OWASP REST Security Cheat Sheet). What nobody declared cacheable
 * is not stored.
 */
export const securityHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(EVERYWHERE)) c.header(name, value);
  if (!c.res.headers.has("Content-Security-Policy")) c.header("Content-Security-Policy", API_POLICY);
  if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
});
