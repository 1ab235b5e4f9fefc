import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { dev } from "../../src/commands/dev.ts";
import { freePort, takePort } from "./loopback.ts";
import { makeTree } from "./stand-in.ts";

describe("npm run dev", () => {
  it("ends when it is stopped before the service answers", async () => {
    const work = makeTree(
      `if (args[0] === "dev") { tellReady("127.0.0.1"); process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000); }`,
    );
    const running = dev([`--port=${await freePort()}`], work);
    await vi.waitFor(() => expect(work.calls()).toHaveLength(2), 10_000);
    setTimeout(work.stopNow, 400);
    expect(await running).toBe(0);
    expect(work.said()).not.toContain("Ctrl-C");
  });

  it("ends when it is stopped before wrangler listens", async () => {
    const work = makeTree(`if (args[0] === "dev") setInterval(() => {}, 1000);`);
    const running = dev([`--port=${await freePort()}`], work);
    await vi.waitFor(() => expect(work.calls()).toHaveLength(2), 10_000);
    work.stopNow();
    expect(await running).toBe(0);
  });

  it("ends with wrangler's exit code when wrangler ends before it listens", async () => {
    const work = makeTree(`process.exit(args[0] === "dev" ? 7 : 0)`);
    expect(await dev([`--port=${await freePort()}`], work)).toBe(7);
    expect(work.said()).not.toContain("Ctrl-C");
  });

  it("ends with wrangler's exit code when wrangler ends before the service answers", async () => {
    const work = makeTree(`if (args[0] === "dev") { tellReady("127.0.0.1"); setTimeout(() => process.exit(9), 300); }`);
    expect(await dev([`--port=${await freePort()}`], work)).toBe(9);
    expect(work.said()).not.toContain("Ctrl-C");
  });

  it("shows what wrangler says when the migrations fail twice, and ends with its exit code", async () => {
    const work = makeTree(`console.log("no disk"); console.error("at all"); process.exit(3)`);
    expect(await dev([`--port=${await freePort()}`], work)).toBe(3);
    expect(work.complained()).toContain("no disk\nat all");
    expect(work.calls()).toHaveLength(2);
  });

  it("also migrates a database for audit events that the configuration binds, and says where that fails", async () => {
    const bound = '[[d1_databases]]\nbinding = "DB"\n\n[[d1_databases]]\nbinding = "AUDIT_DB"\n';
    const work = makeTree(`process.exit(args[3] === "AUDIT_DB" && call < 6 ? 4 : 0)`);
    writeFileSync(join(work.root, "wrangler.toml"), bound);
    expect(await dev([`--port=${await freePort()}`], work)).toBe(4);
    expect(work.complained()).toContain("The migrations could not be applied.");
    expect(work.calls().map((call) => call[3])).toEqual(["DB", "AUDIT_DB", "AUDIT_DB"]);
    expect(await dev([`--port=${await freePort()}`], work)).toBe(0);
    expect(
      work
        .calls()
        .slice(3)
        .map(([command, , , binding]) => (command === "d1" ? binding : command)),
    ).toEqual(["DB", "AUDIT_DB", "AUDIT_DB", "dev"]);
  });

  it("tries the migrations again, as another instance may have been applying them", async () => {
    const work = makeTree("process.exit(call === 1 ? 1 : 0)");
    expect(await dev([`--port=${await freePort()}`], work)).toBe(0);
    expect(work.calls().map(([command]) => command)).toEqual(["d1", "d1", "dev"]);
  });

  it("ends when it is stopped during the migrations", async () => {
    const work = makeTree("setInterval(() => {}, 1000)");
    const running = dev([`--port=${await freePort()}`], work);
    await vi.waitFor(() => expect(work.calls()).toHaveLength(1), 10_000);
    work.stopNow();
    expect(await running).toBe(0);
    expect(work.complained()).toBe("");
  });

  it("refuses a port that is taken, before it touches anything", async () => {
    const work = makeTree("");
    const port = await takePort();
    expect(await dev([`--port=${port}`], work)).toBe(1);
    expect(work.complained()).toContain(`Port ${port} is taken`);
    expect(work.calls()).toEqual([]);
  });

  it("gives up where no host of that name can be listened on", async () => {
    const work = makeTree("");
    expect(await dev(["--ip", "192.0.2.1"], work)).toBe(1);
    expect(work.complained()).toContain("No port from 8787 on is free");
  });

  it("says that the packages are missing", async () => {
    const work = makeTree();
    expect(await dev([], work)).toBe(1);
    expect(work.complained()).toContain("Run `npm ci` first");
  });

  it("explains itself on --help, and a wrong port with exit code 2", async () => {
    const work = makeTree();
    expect(await dev(["--help"], work)).toBe(0);
    expect(work.said()).toContain("Usage: npm run dev");
    expect(await dev(["--port=soon"], work)).toBe(2);
    expect(work.complained()).toContain("--port takes a number");
  });
});
