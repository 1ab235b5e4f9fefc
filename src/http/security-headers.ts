import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";

const EVERYWHERE = Object.entries({
  "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Opener-Policy": "same-origin",
  // Pages of other origins can't embed responses. Origins that CORS allows can still read them.
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
});

/**
 * The policy of API responses: they may load nothing, because browsers never show them as pages. Pages set their own.
 */
const API_POLICY = "default-src 'none'; frame-ancestors 'none'";

/**
 * Sets security headers on every response (OWASP REST Security Cheat Sheet). Caches may store a response only if it
 * sets its own `Cache-Control`. Like all middleware here, this changes the headers of `c.res`, because `c.header` would
 * copy the response each time.
 */
export const securityHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { headers } = c.res;
  for (const [name, value] of EVERYWHERE) headers.set(name, value);
  if (!headers.has("Content-Security-Policy")) headers.set("Content-Security-Policy", API_POLICY);
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
});
