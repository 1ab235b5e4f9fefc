import type { Context } from "hono";

/**
 * The client's address: `CF-Connecting-IP` alone, which the platform sets and a client can't
 * (the local runtime sets it from the socket, unless the client did). Every other header of this kind is the client's word.
 */
export function clientAddress(c: Context): string {
  return c.req.header("CF-Connecting-IP") ?? "unknown";
}

/**
 * What counts as one client where attempts are counted: an IPv4 address, or the /64 of an IPv6 address,
 * since that is what a single customer is given (RFC 6177) and may vary at will.
 */
export function clientNetwork(c: Context): string {
  const address = clientAddress(c).toLowerCase();
  if (!address.includes(":")) return address;
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice("::ffff:".length);
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end stands for two groups (RFC 4291 §2.2).
  const written = left.length + right.length + (address.includes(".") ? 1 : 0);
  const zeros: string[] = tail === undefined ? [] : new Array(Math.max(0, 8 - written)).fill("0");
  const groups = [...left, ...zeros, ...right].map((group) => group.replace(/^0+(?=.)/, ""));
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** Where the platform places the client's address: ISO 3166-1 alpha-2, or `null` where it does not say. */
export function clientCountry(c: Context): string | null {
  const { country } = c.req.raw.cf ?? {};
  return typeof country === "string" ? country : null;
}

/** What the client says of itself, bounded. */
export function clientAgent(c: Context): string | null {
  return c.req.header("User-Agent")?.slice(0, 512) ?? null;
}
