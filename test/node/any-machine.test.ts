/** Checks that on any machine, each command runs, or says in a line or two what to do. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { plainEnvironment, runProgram } from "./run-program.ts";
import { TREE, treeFiles } from "./tree-files.ts";

const CHECK = "src/commands/installed.cjs";
const { scripts, dependencies, devDependencies } = JSON.parse(readFileSync(join(TREE, "package.json"), "utf8"));

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "postern on any machine "));
  folders.push(folder);
  return folder;
}

const run = (cwd: string, command: string, words: string[], more: NodeJS.ProcessEnv = {}) =>
  runProgram(command, words, { cwd, env: { ...plainEnvironment(), ...more } });

describe("npm test", () => {
  it("runs the tests of both projects on sixteen cores, in a folder with spaces and no .git, in another zone and language, with umask 077 and a .dev.vars", async () => {
    const folder = makeFolder();
    for (const file of treeFiles()) cpSync(join(TREE, file), join(folder, file));
    symlinkSync(join(TREE, "node_modules"), join(folder, "node_modules"));
    // A Worker under test that reads this file refuses to start.
    writeFileSync(join(folder, ".dev.vars"), "ACCESS_TOKEN_EXPIRE_MINUTES=mine\n");
    const preload = join(folder, "test/.output/machine.cjs");
    mkdirSync(join(folder, "test/.output"));
    writeFileSync(
      preload,
      `const os = require("node:os"), [core] = os.cpus();
       if (require("node:worker_threads").isMainThread) process.umask(0o077);
       os.availableParallelism = () => 16;
       os.cpus = () => Array(16).fill(core);
       require("node:module").syncBuiltinESMExports();`,
    );
    const files = ["test/health.test.ts", "test/node/ports.test.ts"];
    const { code, output } = await run(
      folder,
      process.execPath,
      ["-r", preload, "node_modules/vitest/vitest.mjs", "run", "--coverage.enabled=false", ...files],
      { PWD: folder, TZ: "Pacific/Auckland", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8", NO_COLOR: "1" },
    );
    expect(output).toMatch(/Test Files +2 passed/);
    expect(code).toBe(0);
  });
});

describe("every npm script", () => {
  it.each(Object.keys(scripts))("looks first whether it can run: %s", (name) => {
    // Some scripts begin with another npm script, which then runs the check.
    const first = (script: string): string => {
      const [, before] = /^npm run --silent ([\w:]+)(?: &&|$)/.exec(scripts[script]) ?? [];
      return before === undefined ? scripts[script] : first(before);
    };
    expect(first(name)).toMatch(new RegExp(`^node (-r \\./${CHECK} |${CHECK} && )`));
  });

  /** Makes a tree with the npm scripts. Its `node_modules` has only the manifests of these packages. */
  function treeWith(installed: string[]): string {
    const folder = makeFolder();
    for (const file of ["package.json", CHECK, "src/commands/dev.ts"]) cpSync(join(TREE, file), join(folder, file));
    for (const name of installed) {
      const manifest = join("node_modules", name, "package.json");
      cpSync(join(TREE, manifest), join(folder, manifest));
    }
    return folder;
  }
  const all = Object.keys({ ...dependencies, ...devDependencies });

  it.each(["dev", "test"])("says before npm ci what to do: %s", async (name) => {
    const { code, output } = await run(treeWith([]), "npm", ["run", "--silent", name]);
    expect(output).toBe("The packages are not installed yet. Run `npm ci` first.\n");
    expect(code).toBe(1);
  });

  it.each([
    [
      "a package is missing",
      all.filter((name) => name !== "vitest"),
      {},
      "Packages are missing (vitest). Run `npm ci`.",
    ],
    ["those for development were left out", ["jose"], { NODE_ENV: "production" }, "Run `npm ci --include=dev`."],
    [
      "the programs were left out, or are those of another system",
      [...all, "workerd"],
      { npm_config_omit: "optional" },
      "The programs of workerd, typescript, @biomejs/biome for this machine are missing. Run `npm ci --include=optional` on this machine.",
    ],
  ])("says what to do if %s", async (_, installed, more, advice) => {
    const { code, output } = await run(treeWith(installed), process.execPath, [CHECK], more);
    expect(output).toContain(`${advice}\n`);
    expect(output.trim().split("\n").length).toBeLessThan(3);
    expect(code).toBe(1);
  });

  it("says what to do if install scripts were disabled, and Node is the machine's own and old", async () => {
    const preload = join(makeFolder(), "old.cjs");
    writeFileSync(preload, `Object.defineProperty(process, "versions", { value: { node: "20.20.2" } });`);
    const { code, output } = await run(TREE, process.execPath, ["-r", preload, CHECK]);
    expect(output).toContain("This is Node 20.20.2");
    expect(output).toContain("run `npm ci --ignore-scripts=false`.\n");
    expect(code).toBe(1);
  });

  it("goes on where everything is installed", async () => {
    expect(await run(TREE, process.execPath, [CHECK])).toEqual({ code: 0, output: "" });
  });
});
