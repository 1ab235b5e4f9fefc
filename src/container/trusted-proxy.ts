/**
 * Finds out which client sent a request. Any client can send the headers that a proxy sends. So the gateway believes
 * these headers only if they come from an address in `TRUSTED_PROXY`.
 */
import { BlockList, isIP } from "node:net";

/** Each variable is empty if it is not set. */
export interface ProxyVariables {
  ENVIRONMENT: string;
  TRUSTED_PROXY: string;
  TRUSTED_PROXY_HEADER: string;
}

interface TrustedProxy {
  /** The client's address, and whether the client used TLS, for a request that `peer` sent. */
  clientOf(peer: string, headers: Headers): { address: string; secure: boolean };
}

/** @throws if a variable is wrong or missing. */
export function readTrustedProxy(variables: Partial<ProxyVariables>): TrustedProxy {
  const { ENVIRONMENT, TRUSTED_PROXY = "", TRUSTED_PROXY_HEADER } = variables;
  const header = TRUSTED_PROXY_HEADER || "X-Forwarded-For";
  const faults: string[] = [];
  const networks = TRUSTED_PROXY.split(",").map((network) => network.trim());
  const trusted = new BlockList();
  if (TRUSTED_PROXY === "") {
    // In production the service answers only over HTTPS, and only a proxy can say that the client used HTTPS.
    if (ENVIRONMENT !== "development")
      faults.push("TRUSTED_PROXY is missing. It takes the address of the proxy that terminates TLS, or its network.");
  } else if (!networks.every((network) => addNetwork(trusted, network))) {
    faults.push("TRUSTED_PROXY takes addresses or networks like 172.30.0.2 or 172.30.0.0/24, separated by commas.");
  }
  // `Forwarded` (RFC 7239) has another syntax, which `nearestStranger` can't parse.
  if (!/^[\w-]+$/.test(header) || header.toLowerCase() === "forwarded")
    faults.push("TRUSTED_PROXY_HEADER takes the name of a header like X-Forwarded-For or X-Real-IP.");
  if (faults.length > 0) throw new Error(`Configuration error:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);

  const isTrusted = (address: string) => isIP(address) !== 0 && trusted.check(address, familyOf(address));
  return {
    clientOf(peer, headers) {
      if (!isTrusted(peer)) return { address: peer, secure: false };
      const secure = headers.get("X-Forwarded-Proto")?.trim().toLowerCase() === "https";
      return { address: nearestStranger(peer, headers.get(header) ?? "", isTrusted), secure };
    },
  };
}

/**
 * The last address in the header that does not belong to a trusted proxy. Each proxy appends the address that it saw,
 * so the client may have forged every address before this one. If all addresses belong to trusted proxies, returns the
 * first of them. If the header has no address, returns `peer`.
 */
function nearestStranger(peer: string, header: string, isTrusted: (address: string) => boolean): string {
  let nearest = peer;
  for (const item of header.split(",").reverse()) {
    const address = addressOf(item.trim());
    if (address === undefined) break;
    nearest = address;
    if (!isTrusted(address)) break;
  }
  return nearest;
}

/**
 * The IP address in a text like `192.0.2.1:443`, `[2001:db8::1]:443` or `::ffff:192.0.2.1`: in lower case, without a
 * port, and as IPv4 if it is an IPv4-mapped address. `undefined` if the text is not an address.
 */
export function addressOf(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  const [, inBrackets, withPort] = /^\[(.*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(text) ?? [];
  const address = (inBrackets ?? withPort ?? text).toLowerCase();
  const mapped = /^::ffff:([\d.]+)$/.exec(address)?.[1] ?? address;
  return isIP(mapped) === 0 ? undefined : mapped;
}

function addNetwork(list: BlockList, network: string): boolean {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  if (most === -1 || Number(bits ?? most) > most) return false;
  list.addSubnet(address, Number(bits ?? most), familyOf(address));
  return true;
}

const familyOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");
