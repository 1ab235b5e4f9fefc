import { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { here } from "../../src/commands/surroundings.ts";
import { findWrangler, readReady } from "../../src/commands/wrangler.ts";
import { eventually } from "../support/eventually.ts";
import { AS_SCRIPT, plainEnvironment, runProgram } from "./run-program.ts";
import { makeTree } from "./stand-in.ts";
import { TREE } from "./tree-files.ts";

class Signals extends EventEmitter {
  ppid = 1;
  stdout = new EventEmitter();
  stderr = new EventEmitter();
}

describe("the surroundings of a command", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP"])("ask it to stop on %s", (signal) => {
    const signals = new Signals();
    const { stop } = here(signals);
    expect(stop.aborted).toBe(false);
    signals.emit(signal);
    expect(stop.aborted).toBe(true);
  });

  it.each(["stdout", "stderr"] as const)("ask it to stop when the program that reads its %s has ended", (stream) => {
    const signals = new Signals();
    const { stop } = here(signals);
    signals[stream].emit("error", new Error("write EPIPE"));
    expect(stop.aborted).toBe(true);
  });

  it("ask it to stop when the process that started it is gone", async () => {
    const signals = new Signals();
    const { stop } = here(signals);
    signals.ppid = 2;
    await eventually(() => expect(stop.aborted).toBe(true));
  });

  it("are this tree and this terminal", () => {
    const written: unknown[] = [];
    const keep = (text: unknown) => written.push(text) > 0;
    vi.spyOn(process.stdout, "write").mockImplementation(keep);
    vi.spyOn(process.stderr, "write").mockImplementation(keep);
    const { root, say, complain } = here(new Signals());
    say("one");
    complain("two");
    vi.restoreAllMocks();
    expect(written).toEqual(["one", "two"]);
    expect(existsSync(join(root, "wrangler.toml"))).toBe(true);
  });
});

describe("a command whose local runtime does not start", () => {
  it("says so and ends, although wrangler leaves something open", async () => {
    const command = join(TREE, "src/commands/create-admin.ts");
    const { code, output } = await runProgram(
      process.execPath,
      [...AS_SCRIPT, command, "--email", "ada@example.com", "--persist-to", makeTree().root],
      { env: { ...plainEnvironment(), MINIFLARE_WORKERD_PATH: process.execPath }, timeout: 60_000 },
    );
    expect(code, output).toBe(1);
    expect(output).toMatch(/^The local runtime, workerd, did not start: .+\n.*\n?.*The database has not changed\.$/m);
  });
});

describe("what shows how far something has come", () => {
  it.each([
    [true, "\r\u001b[Khalf"],
    [false, "half\n"],
  ])("takes the place of what was shown before at a terminal: %s", (isTerminal, shown) => {
    const written: unknown[] = [];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(text) > 0);
    const before = process.stdout.isTTY;
    process.stdout.isTTY = isTerminal;
    here(new Signals()).show("half");
    process.stdout.isTTY = before;
    vi.restoreAllMocks();
    expect(written).toEqual([shown]);
  });
});

describe("wrangler as a child process", () => {
  it("tells where it listens", () => {
    expect(readReady(JSON.stringify({ event: "DEV_SERVER_READY", ip: "localhost", port: 1 }))).toEqual({
      hostname: "localhost",
      port: 1,
    });
  });

  it.each([
    ["{}"],
    [{ event: "DEV_SERVER_READY" }],
    ['{"event":"DEV_SERVER_READY","ip":1}'],
    ['{"event":"DEV_SERVER_READY","ip":"x"}'],
  ])("may say something else: %j", (message) => {
    expect(readReady(message)).toBeUndefined();
  });

  it("is ended at once where the wish to stop came first, and counts as failed", async () => {
    const work = makeTree("setInterval(() => {}, 1000)");
    work.stopNow();
    expect(await findWrangler(work.root)?.run([], work.stop)).toEqual({ code: 1, output: "", complaints: "" });
  });

  it("passes over messages that are not meant for us", async () => {
    const work = makeTree(
      `process.send("hello"); setTimeout(() => tellReady(), 50); setTimeout(() => process.exit(4), 100)`,
    );
    const started = findWrangler(work.root)?.start(["--port=7"], work.stop);
    expect(await started?.ready).toEqual({ hostname: "localhost", port: 7 });
    expect(await started?.exited).toBe(4);
  });
});
