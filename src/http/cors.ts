import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import type { Config } from "../config/config.ts";
import { cutText } from "../platform/cut-text.ts";
import { writeLog } from "../platform/log.ts";
import type { AppEnv } from "./app-env.ts";
import { hasAllowedOrigin } from "./request-origin.ts";

/** Documents that any page may read, because they are public. */
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

/** The request headers that the API needs. `ALLOWED_HEADERS` adds others. */
const READ = ["Authorization", "Content-Type", "If-Match", "X-Request-Id"];

type CorsConfig = Pick<Config, "allowedOrigins" | "allowedHeaders" | "development" | "publicUrl">;

/** CORS: only the listed origins are allowed, with credentials. Other origins get no CORS headers. */
export function answerCors(config: CorsConfig) {
  const { allowedOrigins, allowedHeaders, development } = config;
  const nameOrigin = originNaming();
  const listed = cors({
    origin: [...allowedOrigins],
    credentials: true,
    allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: [...READ, ...allowedHeaders],
    exposeHeaders: EXPOSED,
    maxAge: 600,
  });
  const everyOrigin = cors({ origin: "*", allowMethods: ["GET", "HEAD"] });
  return createMiddleware<AppEnv>(async (c, next) => {
    const origin = c.req.header("Origin") ?? "";
    if (PUBLIC.test(c.req.path)) return everyOrigin(c, next);
    if (allowedOrigins.includes(origin)) return listed(c, next);
    if (development && origin !== "" && !hasAllowedOrigin(c, config)) nameOrigin(origin);
    // A preflight from an unlisted origin gets an answer without the headers that would allow the request.
    await next();
    c.res.headers.append("Vary", "Origin");
    return;
  });
}

/** The maximum number of unlisted origins that an isolate logs. */
const MOST_NAMED = 100;

/**
 * Logs each unlisted origin once. The browser tells the developer that CORS failed, but not which setting is missing.
 */
function originNaming(): (origin: string) => void {
  const named = new Set<string>();
  return (given) => {
    const origin = cutText(given, 200);
    if (named.has(origin) || named.size === MOST_NAMED) return;
    named.add(origin);
    writeLog("warn", { event: "origin_not_allowed", origin, error: "ALLOWED_ORIGINS does not list this origin." });
  };
}
