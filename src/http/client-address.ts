import type { Context } from "hono";

/**
 * The client's address: `CF-Connecting-IP` alone, which the platform sets and a client can't
 * (the local runtime sets it from the socket). Every other header of this kind is the client's word.
 */
export function clientAddress(c: Context): string {
  return c.req.header("CF-Connecting-IP") ?? "unknown";
}
