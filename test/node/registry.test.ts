import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { dev } from "../../src/commands/dev.ts";
import { isRegistered, nameIn } from "../../src/commands/registry.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { freePort } from "./loopback.ts";
import { makeTree } from "./stand-in.ts";

/** A stand-in for wrangler that writes down the registry that it gets, and ends. */
const NOTES = `if (args[0] === "dev") fs.writeFileSync("registry.txt", process.env.WRANGLER_REGISTRY_PATH ?? "none");`;

/** Writes wrangler's entry for a running Worker. Listens at its address, unless the Worker plays a crashed one. */
async function register(registry: string, name: string, runs = true): Promise<string> {
  const port = await freePort();
  if (runs) {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
    onTestFinished(() => void server.close());
  }
  mkdirSync(registry, { recursive: true });
  const path = join(registry, name);
  writeFileSync(path, JSON.stringify({ debugPortAddress: `127.0.0.1:${port}`, instanceId: "x" }));
  return path;
}

const database = await makeLocalDatabase();

async function start(work: ReturnType<typeof makeTree>, ...flags: string[]): Promise<void> {
  expect(await dev(["--port", String(await freePort()), ...flags], work)).toBe(0);
}

describe("the registry of npm run dev", () => {
  it.each([
    [[], ".wrangler/state/registry"],
    [["--persist-to", "elsewhere"], "elsewhere/registry"],
  ])("is in the state of this Postern, with the flags %j", async (flags, registry) => {
    const work = makeTree(NOTES, [], database);
    await start(work, ...flags);
    expect(readFileSync(join(work.root, "registry.txt"), "utf8")).toBe(join(work.root, registry));
  });

  it("is the one that WRANGLER_REGISTRY_PATH names, if it is set", async () => {
    vi.stubEnv("WRANGLER_REGISTRY_PATH", "/tmp/a registry");
    onTestFinished(() => void vi.unstubAllEnvs());
    const work = makeTree(NOTES, [], database);
    await start(work);
    expect(readFileSync(join(work.root, "registry.txt"), "utf8")).toBe("/tmp/a registry");
  });

  it("warns if another Postern that runs is registered in it", async () => {
    const work = makeTree(NOTES, [], database);
    writeFileSync(join(work.root, "wrangler.toml"), 'main = "x"\nname = "postern"\n');
    await register(join(work.root, ".wrangler/state/registry"), "postern");
    await start(work);
    expect(work.complained()).toContain("Another Worker named postern runs already");
    expect(work.complained()).toContain(".wrangler/state/registry");
    expect(work.complained()).toContain("--persist-to");
  });

  it("does not warn of a Worker with another name, or of one that has crashed", async () => {
    const work = makeTree(NOTES, [], database);
    writeFileSync(join(work.root, "wrangler.toml"), 'name = "postern"\n');
    const registry = join(work.root, ".wrangler/state/registry");
    await register(registry, "notes");
    await register(registry, "postern", false);
    await start(work);
    expect(work.complained()).toBe("");
  });
});

describe("an entry of a registry", () => {
  it("counts only if it is fresh, whole, and its Worker listens", async () => {
    const { root } = makeTree();
    expect(await isRegistered(root, "postern")).toBe(false);
    const path = await register(root, "postern");
    expect(await isRegistered(root, "postern")).toBe(true);
    utimesSync(path, new Date(), new Date(Date.now() - 3 * 60_000));
    expect(await isRegistered(root, "postern"), "old").toBe(false);
    for (const text of ["", "[]", "{}", '{"debugPortAddress":"nowhere"}']) {
      writeFileSync(path, text);
      expect(await isRegistered(root, "postern"), text).toBe(false);
    }
  });
});

describe("the name of a Worker", () => {
  it("is what its configuration says, with the environment", () => {
    const file = join(makeTree().root, "wrangler.toml");
    expect(nameIn(file)).toBeUndefined();
    writeFileSync(file, '# name = "none"\nname = "my-auth" # mine\n');
    expect(nameIn(file)).toBe("my-auth");
    expect(nameIn(file, "staging")).toBe("my-auth-staging");
    writeFileSync(file, '{ "name": "json" }');
    expect(nameIn(file)).toBeUndefined();
  });
});
