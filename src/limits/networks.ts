/** The limits of the network that a client is on. */
import type { LimitName } from "../config/limit-rules.ts";
import type { Limit } from "./budgets.ts";

/**
 * How many times the budget of a /64 an IPv6 /48 has. A provider may give one customer a whole /48 (RFC 6177 §2), which
 * holds 65,536 networks of 64 bits. Others divide it among customers, who must not slow down each other.
 */
const SITE_FACTOR = 10;

/**
 * The budgets of one rule per network: that of the client's own network and, for an IPv6 /64, that of the /48 around
 * it. `keyOf` makes the key of a budget, if the rule counts by more than the network.
 */
export function networkLimits(rule: LimitName, network: string, keyOf = (text: string) => text): [Limit, ...Limit[]] {
  const own = { rule, key: keyOf(network) };
  const site = siteOf(network);
  return site === undefined ? [own] : [own, { rule, key: keyOf(site), factor: SITE_FACTOR }];
}

/** The /48 of an IPv6 /64, as `clientNetwork` writes it. An IPv4 address has none. */
function siteOf(network: string): string | undefined {
  const [, prefix] = /^(\w+:\w+:\w+):\w+::\/64$/.exec(network) ?? [];
  return prefix && `${prefix}::/48`;
}
