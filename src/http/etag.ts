import type { MiddlewareHandler } from "hono";
import { etag, RETAINED_304_HEADERS } from "hono/etag";
import { sha256 } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";
import type { AppEnv } from "./app-env.ts";

/**
 * The ETag of a text. If the endpoint sets this ETag, the middleware `conditional` doesn't have to read the whole
 * response again to compute one.
 */
export function etagOf(text: string): string {
  return `"${encodeBase64url(sha256(utf8(text)))}"`;
}

/**
 * Adds an ETag to an endpoint's answer. A client that already has that answer gets a 304 (RFC 9110 §13.1.2). The 304
 * has every header of the full response, because a browser copies the headers of a 304 to its stored response.
 */
export const conditional: MiddlewareHandler<AppEnv> = etag({
  retainedHeaders: [
    ...RETAINED_304_HEADERS,
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Content-Language",
    "Content-Security-Policy",
  ],
});
