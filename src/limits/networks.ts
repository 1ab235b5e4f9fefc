/** The limits of the network that a client is on. */
import type { LimitName } from "../config/limit-rules.ts";
import type { Limit } from "./budgets.ts";

/**
 * An IPv6 /48 has this many times the budget of a /64. A provider may give one customer a whole /48 (RFC 6177 §2),
 * which holds 65,536 networks of 64 bits. Others divide it among customers, who must not slow down each other.
 */
const SITE_FACTOR = 10;

/**
 * The budgets of one rule per network: that of the client's own network and, for an IPv6 /64, that of the /48 around
 * it, whose object stores both. The larger budget bounds how many of the smaller ones the object stores at a time.
 */
export function networkLimits(rule: LimitName, network: string): [Limit, ...Limit[]] {
  const site = siteOf(network);
  if (site === undefined) return [{ rule, key: network }];
  return [
    { rule, key: network, storedWith: site },
    { rule, key: site, factor: SITE_FACTOR },
  ];
}

/** The /48 of an IPv6 /64, as `clientNetwork` writes it. An IPv4 address has none. */
function siteOf(network: string): string | undefined {
  const [, prefix] = /^(\w+:\w+:\w+):\w+::\/64$/.exec(network) ?? [];
  return prefix && `${prefix}::/48`;
}
