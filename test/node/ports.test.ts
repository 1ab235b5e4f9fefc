import dns from "node:dns/promises";
import { describe, expect, it, vi } from "vitest";
import { choosePort, isFree } from "../../src/commands/ports.ts";
import { freePort, takePort } from "./loopback.ts";

describe("the port", () => {
  it("is not free while a program listens on it", async () => {
    const port = await takePort();
    expect(await isFree(port, "127.0.0.1")).toBe(false);
    expect(await isFree(port, "localhost")).toBe(false);
  });

  it("is free neither at an address that this machine lacks, nor at a name that nothing has", async () => {
    const port = await freePort();
    expect(await isFree(port, "127.0.0.1")).toBe(true);
    expect(await isFree(port, "192.0.2.1")).toBe(false);
    expect(await isFree(port, "nothing.invalid")).toBe(false);
  });

  it("is not free at a name if one of its addresses is taken", async () => {
    const port = await takePort();
    const both = [
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ];
    vi.spyOn(dns, "lookup").mockImplementation((async () => both) as unknown as typeof dns.lookup);
    expect(await isFree(port, "localhost")).toBe(false);
    expect(await isFree(await freePort(), "localhost")).toBe(true);
  });

  it("is the first one where that is free", async () => {
    expect(await choosePort(8787, "localhost", async () => true)).toBe(8787);
  });

  it("is the next one where the first is taken", async () => {
    expect(await choosePort(8787, "localhost", async (port) => port === 8789)).toBe(8789);
  });

  it("is none where a hundred are taken", async () => {
    expect(await choosePort(8787, "localhost", async () => false)).toBeUndefined();
  });

  it("is free if no program listens on it", async () => {
    const port = await choosePort(8787, "127.0.0.1");
    expect(port).toBeGreaterThanOrEqual(8787);
  });
});
