import type { Context } from "hono";

/**
 * The token of the `Authorization: Bearer` header (RFC 6750 §2.1). Never from the query or a form:
 * those end up in logs and histories (RFC 9700 §4.3.2).
 */
export function readBearerToken(c: Context): string | undefined {
  return /^Bearer +([^\s]+) *$/i.exec(c.req.header("Authorization") ?? "")?.[1];
}
