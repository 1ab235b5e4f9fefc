import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";

/** Documents that any page may read: they hold nothing that is not public. */
const PUBLIC = /^\/(\.well-known\/.*|openapi\.json)$/;

const EXPOSED = [
  "X-Request-Id",
  "ETag",
  "Retry-After",
  "RateLimit",
  "RateLimit-Policy",
  "WWW-Authenticate",
  "Server-Timing",
];

/** CORS: the listed origins alone, with credentials. An origin that is not listed gets no CORS header at all. */
export function answerCors(allowedOrigins: readonly string[]) {
  const listed = cors({
    origin: [...allowedOrigins],
    credentials: true,
    allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: ["Authorization", "Content-Type", "If-Match", "X-Request-Id"],
    exposeHeaders: EXPOSED,
    maxAge: 600,
  });
  const anybody = cors({ origin: "*", allowMethods: ["GET", "HEAD"] });
  return createMiddleware<AppEnv>(async (c, next) => {
    const origin = c.req.header("Origin") ?? "";
    if (PUBLIC.test(c.req.path)) return anybody(c, next);
    if (allowedOrigins.includes(origin)) return listed(c, next);
    // Unlisted: a preflight is still answered, without the headers that would let it pass.
    await next();
    c.header("Vary", "Origin", { append: true });
    return;
  });
}
