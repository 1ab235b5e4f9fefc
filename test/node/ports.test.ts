import { describe, expect, it } from "vitest";
import { choosePort, isFree } from "../../src/commands/ports.ts";
import { takePort } from "./loopback.ts";

describe("the port", () => {
  it("is not free while a program listens on it", async () => {
    const port = await takePort();
    expect(await isFree(port, "127.0.0.1")).toBe(false);
    expect(await isFree(port, "localhost")).toBe(false);
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
