import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import type { Config } from "../config/config.ts";
import type { AppEnv } from "./app-env.ts";

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

/** The headers that the service reads. It ignores all other headers. */
const READ = ["Authorization", "Content-Type", "If-Match", "X-Request-Id"];

/** CORS: only the listed origins are allowed, with credentials. Other origins get no CORS headers. */
export function answerCors({ allowedOrigins, allowedHeaders }: Pick<Config, "allowedOrigins" | "allowedHeaders">) {
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
    // A preflight from an unlisted origin is answered too, but without the headers that would allow the request.
    await next();
    c.res.headers.append("Vary", "Origin");
    return;
  });
}
