import type { Context } from "hono";
import { cutText } from "../platform/cut-text.ts";

/** In UTF-16 code units. Longer user agents are cut. Browsers send about 120 units. */
const LONGEST_AGENT = 512;

/**
 * The client's IP address, read only from `CF-Connecting-IP`. On Cloudflare and in the container, clients can't set
 * this header, but they can forge every other header with an address. (With `npm run dev`, the local runtime keeps the
 * value that the client sent.)
 */
export function clientAddress(c: Context): string {
  return c.req.header("CF-Connecting-IP") ?? "unknown";
}

/** The client's network, which limits count as one client: see {@link networkOf}. */
export function clientNetwork(c: Context): string {
  return networkOf(clientAddress(c));
}

/**
 * The network of an address, as limits count it: an IPv4 address, or the /64 of an IPv6 address. One customer gets a
 * whole /64 (RFC 6177) and can use every address in it.
 */
export function networkOf(anyCase: string): string {
  const address = anyCase.toLowerCase();
  if (!address.includes(":")) return address;
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice("::ffff:".length);
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end counts as two groups (RFC 4291 §2.2).
  const written = left.length + right.length + (address.includes(".") ? 1 : 0);
  const zeros: string[] = tail === undefined ? [] : new Array(Math.max(0, 8 - written)).fill("0");
  const groups = [...left, ...zeros, ...right].map((group) => group.replace(/^0+(?=.)/, ""));
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** The country of the client's address (ISO 3166-1 alpha-2), or `null` if the platform does not know it. */
export function clientCountry(c: Context): string | null {
  const { country } = c.req.raw.cf ?? {};
  return typeof country === "string" ? country : null;
}

/** The client's User-Agent header, cut if it is too long. */
export function clientAgent(c: Context): string | null {
  const agent = c.req.header("User-Agent");
  return agent === undefined ? null : cutText(agent, LONGEST_AGENT);
}
