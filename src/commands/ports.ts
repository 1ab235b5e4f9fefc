/** Chooses the port of a development server. */
import dns from "node:dns/promises";
import { createServer } from "node:net";

/** Wrangler's default port, which the README names too. */
export const FIRST_PORT = 8787;
const LAST_PORT = 8887;

/**
 * Whether a server could listen on this port now, at every address of the host that this machine has. `localhost` may
 * mean 127.0.0.1, ::1 or both.
 */
export async function isFree(port: number, host: string): Promise<boolean> {
  const addresses = await dns.lookup(host, { all: true }).catch(() => []);
  // A resolver may name an address twice.
  const distinct = new Set(addresses.map(({ address }) => address));
  const faults = await Promise.all(Array.from(distinct, (address) => faultOf(port, address)));
  return faults.includes(undefined) && faults.every((fault) => fault === undefined || ABSENT.test(fault));
}

const ABSENT = /^(EADDRNOTAVAIL|EAFNOSUPPORT)$/;

/** The code of the error if a server can't listen there, `undefined` if it can. */
function faultOf(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code ?? "unknown"));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}

/** The first free port from `from` to `LAST_PORT`, or `undefined` if all are taken. */
export async function choosePort(
  from: number,
  host: string,
  free: (port: number, host: string) => Promise<boolean> = isFree,
): Promise<number | undefined> {
  for (let port = from; port <= LAST_PORT; port++) {
    if (await free(port, host)) return port;
  }
  return undefined;
}
