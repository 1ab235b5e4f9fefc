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
 * A free port. It is below the range from which systems choose ports for outgoing connections, so that it is still
 * free a few seconds later.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if ((await isFree(port, "127.0.0.1")) && (await isFree(port, "0.0.0.0"))) return port;
  }
}
