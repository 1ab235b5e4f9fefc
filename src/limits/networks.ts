/** The limits of the network that a client is on. */
import type { LimitName } from "../config/limit-rules.ts";
import type { Limit } from "./budgets.ts";

/**
 * The budget of an IPv6 /48, as a multiple of the budget of a /64. A /48 needs a budget, because some providers give a
 * whole /48, with its 65,536 /64 networks, to one customer (RFC 6177 §2). Its budget is larger than that of a /64,
 * because other providers divide a /48 among customers, who must not slow each other down.
 */
const SITE_FACTOR = 10;

/**
 * The budgets of one rule for a network: the network's own budget and, for an IPv6 /64, the budget of the /48 around
 * it. The object of the /48 stores both. The /48's budget also limits how many /64 budgets the object stores at a time.
 */
export function networkLimits(rule: LimitName, network: string): [Limit, ...Limit[]] {
  const site = siteOf(network);
  if (site === undefined) return [{ rule, key: network }];
  return [
    { rule, key: network, storedWith: site },
    { rule, key: site, factor: SITE_FACTOR },
  ];
}

/** The /48 around an IPv6 /64 that `clientNetwork` returned; `undefined` for an IPv4 address. */
function siteOf(network: string): string | undefined {
  const [, prefix] = /^(\w+:\w+:\w+):\w+::\/64$/.exec(network) ?? [];
  return prefix && `${prefix}::/48`;
}
