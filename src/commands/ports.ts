/** Which port a development server takes. */
import { createServer } from "node:net";

/** Wrangler's own, and the one that the README names. */
export const FIRST_PORT = 8787;
const LAST_PORT = 8887;

/** Whether a server could listen here now. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** The first free port from `from` on, or `undefined` where a hundred are taken. */
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
