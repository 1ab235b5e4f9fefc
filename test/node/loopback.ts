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

/** The ports of this process: a hundred slices lie below those that systems choose for outgoing connections. */
const SLICE = 100;
const FIRST = 20_000 + SLICE * (process.pid % SLICE);
let drawn = 0;

/** A free port that stays free: no other test process draws it, and this one draws it again only after a hundred. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + (drawn++ % SLICE);
    if ((await isFree(port, "127.0.0.1")) && (await isFree(port, "0.0.0.0"))) return port;
  }
}
