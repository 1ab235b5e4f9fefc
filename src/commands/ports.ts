/** Which port a development server takes. */
import { createServer } from "node:net";

/** Wrangler's default port, which the README names too. */
export const FIRST_PORT = 8787;
const LAST_PORT = 8887;

/** Whether a server could listen on this port now. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** The first free port from `from` on, or `undefined` if a hundred are taken. */
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
