import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { dev } from "../../src/commands/dev.ts";
import { devVarsPath, ensureDevVars } from "../../src/commands/dev-vars.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { freePort } from "./loopback.ts";
import { makeTree } from "./stand-in.ts";

const MADE = /^ENVIRONMENT=development\nAUTH_SECRET=[\w-]{64}\n$/;

function path(): string {
  return join(makeTree().root, ".dev.vars");
}

describe(".dev.vars", () => {
  it("is made with a secret of 48 random bytes that only its owner reads", () => {
    const file = path();
    expect(ensureDevVars(file, systemRandom)).toBe("made");
    expect(readFileSync(file, "utf8")).toMatch(MADE);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, "..")).filter((name) => name.startsWith(".dev.vars"))).toEqual([".dev.vars"]);
  });

  it("has another secret each time", () => {
    const [one, other] = [path(), path()];
    ensureDevVars(one, systemRandom);
    ensureDevVars(other, systemRandom);
    expect(readFileSync(one, "utf8")).not.toBe(readFileSync(other, "utf8"));
  });

  it.each(["AUTH_SECRET=mine\n", "# note\nexport AUTH_SECRET='mine'", "A=1\nAUTH_SECRET = mine # note\n"])(
    "is left alone with %j",
    (text) => {
      const file = path();
      writeFileSync(file, text);
      expect(ensureDevVars(file, systemRandom)).toBe("kept");
      expect(readFileSync(file, "utf8")).toBe(text);
    },
  );

  it.each([
    ["PUBLIC_URL=x\n", "PUBLIC_URL=x\n"],
    ["PUBLIC_URL=x", "PUBLIC_URL=x\n"],
    ["# AUTH_SECRET=x\n", "# AUTH_SECRET=x\n"],
    ["AUTH_SECRET=\n", "AUTH_SECRET=\n"],
    ["", ""],
  ])("gets the line that it lacks: %j", (text, kept) => {
    const file = path();
    writeFileSync(file, text);
    expect(ensureDevVars(file, systemRandom)).toBe("completed");
    const written = readFileSync(file, "utf8");
    expect(written.slice(0, kept.length)).toBe(kept);
    expect(written.slice(kept.length)).toMatch(/^AUTH_SECRET=[\w-]{64}\n$/);
    expect(ensureDevVars(file, systemRandom)).toBe("kept");
  });

  it("ends with one secret when several instances make it at once", async () => {
    const file = path();
    const module = join(import.meta.dirname, "../../src/commands/dev-vars.ts");
    const random = join(import.meta.dirname, "../../src/platform/random.ts");
    const script = `
      const { ensureDevVars } = await import(${JSON.stringify(module)});
      const { systemRandom } = await import(${JSON.stringify(random)});
      while (Date.now() % 500 > 5);
      console.log(ensureDevVars(${JSON.stringify(file)}, systemRandom));`;
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => promisify(execFile)(process.execPath, ["--input-type=module", "-e", script])),
    );
    expect(outcomes.map(({ stdout }) => stdout.trim()).sort()).toEqual(["kept", "kept", "kept", "made"]);
    expect(readFileSync(file, "utf8")).toMatch(MADE);
  });

  it("yields to an instance that was faster between the look and the write", () => {
    const file = path();
    const faster = {
      bytes(length: number) {
        // The code looks for the file, then makes a random name for its draft. Another instance writes the file now.
        if (length === 6) writeFileSync(file, "AUTH_SECRET=theirs\n");
        return systemRandom.bytes(length);
      },
    };
    expect(ensureDevVars(file, faster)).toBe("kept");
    expect(readFileSync(file, "utf8")).toBe("AUTH_SECRET=theirs\n");
  });

  it("says so when the folder takes no file", () => {
    expect(() => ensureDevVars(join(path(), "missing", ".dev.vars"), systemRandom)).toThrow("ENOENT");
  });

  it("says so when its place leads nowhere", () => {
    const file = path();
    symlinkSync(join(file, "..", "missing"), file);
    expect(() => ensureDevVars(file, systemRandom)).toThrow("EEXIST");
  });

  it("is that of the environment where there is one", () => {
    const file = path();
    const folder = join(file, "..");
    expect(devVarsPath(folder)).toBe(file);
    expect(devVarsPath(folder, "staging")).toBe(file);
    writeFileSync(`${file}.staging`, "");
    expect(devVarsPath(folder, "staging")).toBe(`${file}.staging`);
    expect(devVarsPath(folder)).toBe(file);
  });
});

describe("npm run dev with a .dev.vars that it can't complete", () => {
  /** Runs the command in a folder that it can't write to. Root can write everywhere, so root becomes another user. */
  async function runUnprivileged(root: string, work: Parameters<typeof dev>[1]): Promise<number> {
    chmodSync(root, 0o555);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      return await dev(["--port", String(await freePort())], work);
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(root, 0o755);
    }
  }

  it.each([
    ["can only be read", (file: string) => writeFileSync(file, "PRODUCT_NAME=Mine\n", { mode: 0o444 }), "EACCES"],
    ["can't be read", (file: string) => writeFileSync(file, "AUTH_SECRET=x\n", { mode: 0o000 }), "EACCES"],
    ["is in a folder that can only be read", () => {}, "EACCES"],
    ["is a folder", (file: string) => mkdirSync(file), "EISDIR"],
    ["is a link that leads nowhere", (file: string) => symlinkSync("missing", file), "EACCES"],
  ])("says what to do, without a stack trace, if it %s", async (_, prepare, code) => {
    const work = makeTree("");
    prepare(join(work.root, ".dev.vars"));
    expect(await runUnprivileged(work.root, work)).toBe(1);
    expect(work.complained()).toContain(code);
    expect(work.complained()).toContain(".dev.vars");
    expect(work.complained()).toContain("AUTH_SECRET=…");
    expect(work.complained()).not.toMatch(/^ +at /m);
    expect(work.calls()).toEqual([]);
  });

  it("starts if it can only be read and has all that is needed", async () => {
    const work = makeTree("", [], await makeLocalDatabase());
    writeFileSync(join(work.root, ".dev.vars"), "AUTH_SECRET=mine\n", { mode: 0o444 });
    expect(await dev(["--port", String(await freePort())], work)).toBe(0);
    expect(work.calls()).toHaveLength(1);
  });
});
