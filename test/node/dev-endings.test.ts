import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openD1 } from "../../src/commands/d1.ts";
import { dev } from "../../src/commands/dev.ts";
import type { Place } from "../../src/commands/flags.ts";
import { eventually } from "../support/eventually.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { freePort, takePort } from "./loopback.ts";
import { makeTree } from "./stand-in.ts";

const database = await makeLocalDatabase();
const treeFor = (script?: string) => makeTree(script, [], database);

describe("npm run dev", () => {
  it("ends when it is stopped before the service answers", async () => {
    const work = treeFor(
      `if (args[0] === "dev") { tellReady("127.0.0.1"); process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000); }`,
    );
    const running = dev([`--port=${await freePort()}`], work);
    await eventually(() => expect(work.calls()).toHaveLength(1));
    setTimeout(work.stopNow, 400);
    expect(await running).toBe(0);
    expect(work.said()).not.toContain("Ctrl-C");
  });

  it("ends when it is stopped before wrangler listens", async () => {
    const work = treeFor(`if (args[0] === "dev") setInterval(() => {}, 1000);`);
    const running = dev([`--port=${await freePort()}`], work);
    await eventually(() => expect(work.calls()).toHaveLength(1));
    work.stopNow();
    expect(await running).toBe(0);
  });

  it("ends with wrangler's exit code when wrangler ends before it listens", async () => {
    const work = treeFor(`process.exit(args[0] === "dev" ? 7 : 0)`);
    expect(await dev([`--port=${await freePort()}`], work)).toBe(7);
    expect(work.said()).not.toContain("Ctrl-C");
  });

  it("ends with wrangler's exit code when wrangler ends before the service answers", async () => {
    const work = treeFor(`if (args[0] === "dev") { tellReady("127.0.0.1"); setTimeout(() => process.exit(9), 300); }`);
    expect(await dev([`--port=${await freePort()}`], work)).toBe(9);
    expect(work.said()).not.toContain("Ctrl-C");
  });

  it("says why the migrations of a database can't be applied, and starts nothing", async () => {
    const { DB, AUDIT_DB } = await makeLocalDatabase({ hasArchive: true });
    const work = makeTree("", [], { DB, AUDIT_DB });
    mkdirSync(join(work.root, "migrations/audit"), { recursive: true });
    writeFileSync(join(work.root, "migrations/audit/9999_broken.sql"), "CREATE NOTHING");
    expect(await dev([`--port=${await freePort()}`], work)).toBe(1);
    expect(work.complained()).toMatch(/^9999_broken\.sql: .*syntax error.*\nThe migrations could not be applied\.\n$/);
    expect(work.calls()).toEqual([]);
  });

  it.each([
    ["that is broken", 'name = "mine"\nmain = \n', /wrangler\.toml:2:\d+: Invalid TOML document/],
    ["without a database", 'name = "mine"\n', /^The configuration binds no D1 database as DB\.$/m],
  ])("says what is wrong with a configuration %s, and starts nothing", async (_, toml, fault) => {
    const work = makeTree("");
    writeFileSync(join(work.root, "wrangler.toml"), toml);
    const world = { ...work, openD1: (place: Place) => openD1(place, work.root) };
    expect(await dev([`--port=${await freePort()}`], world)).toBe(1);
    expect(work.complained()).toMatch(fault);
    expect(work.calls()).toEqual([]);
  });

  it("migrates the database of the folder that --cwd names, as wrangler then serves it", async () => {
    const work = treeFor("");
    mkdirSync(join(work.root, "other"));
    expect(await dev([`--port=${await freePort()}`, "--cwd", "other", "-c", "mine.toml"], work)).toBe(0);
    const [place] = work.places;
    expect(place?.config).toBe(join(work.root, "other/mine.toml"));
    expect(place?.persistTo).toBe(join(work.root, "other/.wrangler/state"));
  });

  it("ends without a complaint when it is stopped during the migrations", async () => {
    const work = treeFor("");
    const openD1 = async () => {
      work.stopNow();
      throw new Error("The runtime has ended.");
    };
    expect(await dev([`--port=${await freePort()}`], { ...work, openD1 })).toBe(0);
    expect(work.complained()).toBe("");
    expect(work.calls()).toEqual([]);
  });

  it("refuses a port that is taken, before it touches anything", async () => {
    const work = treeFor("");
    const port = await takePort();
    expect(await dev([`--port=${port}`], work)).toBe(1);
    expect(work.complained()).toContain(`Port ${port} is taken`);
    expect(work.calls()).toEqual([]);
  });

  it("gives up where no host of that name can be listened on", async () => {
    const work = treeFor("");
    expect(await dev(["--ip", "192.0.2.1"], work)).toBe(1);
    expect(work.complained()).toContain("No port from 8787 on is free");
  });

  it("says that the packages are missing", async () => {
    const work = treeFor();
    expect(await dev([], work)).toBe(1);
    expect(work.complained()).toContain("Run `npm ci` first");
  });

  it("explains itself on --help, and a wrong port with exit code 2", async () => {
    const work = treeFor();
    expect(await dev(["--help"], work)).toBe(0);
    expect(work.said()).toContain("Usage: npm run dev");
    expect(await dev(["--port=soon"], work)).toBe(2);
    expect(work.complained()).toContain("--port takes a number");
  });
});
