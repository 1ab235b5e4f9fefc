/** Ports on loopback for tests. */
import { createServer } from "node:net";
import { onTestFinished } from "vitest";
import { isFree } from "../../src/commands/ports.ts";

/** Takes a port until the test ends. Returns the port. */
export async function takePort(): Promise<number> {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return port;
}

/**
 * Each process of a test run has its own hundred ports. All are below the ports that systems choose for outgoing
 * connections.
 */
const PORTS_EACH = 100;
const numberInRun = Number(process.env.VITEST_POOL_ID ?? 0);
const run = numberInRun === 0 ? process.pid : process.ppid;
const firstPort = 20_000 + PORTS_EACH * ((run + numberInRun) % 100);
let drawn = 0;

/** A free port. This process gets the same port again only after it has tried all its other ports. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + (drawn++ % PORTS_EACH);
    if ((await isFree(port, "127.0.0.1")) && (await isFree(port, "0.0.0.0"))) return port;
  }
}
