/** How `npm run example` reads its command line, and how it ends, with a stand-in for wrangler. */
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFlags } from "../../examples/flags.ts";
import { launch } from "./launch.ts";
import { freePort, takePort } from "./loopback.ts";
import { makeTree } from "./stand-in.ts";
import { TREE } from "./tree-files.ts";

/** Runs the command with flags that make it start nothing, so that it ends by itself. */
function start(...flags: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["examples/start.ts", ...flags], { encoding: "utf8" });
  return { code: status, said: stdout, complained: stderr };
}

describe("the flags of npm run example", () => {
  it("leaves every choice open where nothing is given", () => {
    expect(parseFlags([])).toEqual({ help: false, ports: {}, persistTo: undefined });
  });

  it("reads ports, the place of the state, and the wish for help", () => {
    const argv = ["--port", "9000", "--api-port=9001", "--app-port=65535", "--persist-to", "./elsewhere", "-h"];
    const ports = { port: 9_000, "api-port": 9_001, "app-port": 65_535 };
    expect(parseFlags(argv)).toEqual({ help: true, ports, persistTo: "./elsewhere" });
  });

  it.each(["--port=0", "--api-port=65536", "--app-port=soon", "--port=", "--port=1e3", "--api-port=-1", "--port=080"])(
    "refuses %s, and says what it takes",
    (flag) => {
      const name = flag.split("=")[0];
      expect(parseFlags([flag])).toEqual({ fault: `${name} takes a number from 1 to 65535.` });
    },
  );

  it("refuses two of the same port", () => {
    expect(parseFlags(["--port=9000", "--app-port=9000"])).toEqual({
      fault: "--port and --app-port name the same port. Choose different ports.",
    });
  });

  it("refuses an empty place of the state", () => {
    expect(parseFlags(["--persist-to="])).toEqual({ fault: "--persist-to takes a folder." });
  });

  it.each([["--prot=9000"], ["--port"], ["--port", "--help"], ["9000"]])("refuses %j", (...argv) => {
    expect(parseFlags(argv)).toHaveProperty("fault");
  });
});

describe("npm run example", () => {
  it("explains itself on --help, and starts nothing", () => {
    const { code, said, complained } = start("--help");
    expect({ code, complained }).toEqual({ code: 0, complained: "" });
    for (const flag of ["--port", "--api-port", "--app-port", "--persist-to", "--help"]) expect(said).toContain(flag);
  });

  it("says of a flag that it does not know which it knows, with exit code 2", () => {
    const { code, said, complained } = start("--prot=9000");
    expect({ code, said }).toEqual({ code: 2, said: "" });
    expect(complained).toContain("'--prot'");
    expect(complained).toContain("Usage: npm run example -- [flags]");
  });

  it("says of a port that is taken which flag chooses another one", async () => {
    const taken = await takePort();
    const others = ["--port", `${await freePort()}`, "--app-port", `${await freePort()}`];
    const { code, said, complained } = start("--api-port", `${taken}`, ...others);
    expect({ code, said }).toEqual({ code: 1, said: "" });
    expect(complained).toBe(`Port ${taken} is taken. Choose another one with --api-port.\n`);
  });

  it("stops Postern, the API and the app if its shell ends, as when only npm gets a signal", async () => {
    const { root, calls } = makeTree(`
      http.createServer((_, response) => response.end("{}")).listen(port, "localhost", () => tellReady());
    `);
    for (const path of ["src", "examples", "migrations", "package.json", "wrangler.toml"])
      cpSync(join(TREE, path), join(root, path), { recursive: true });
    // Links to all installed packages. Only wrangler's program is the stand-in.
    for (const [folder, own] of [
      ["node_modules", "wrangler"],
      ["node_modules/wrangler", "bin"],
    ] as const) {
      for (const name of readdirSync(join(TREE, folder)).filter((name) => name !== own))
        symlinkSync(join(TREE, folder, name), join(root, folder, name));
    }
    const ports = [await freePort(), await freePort(), await freePort()];
    const [postern, api, app] = ports;
    const flags = `--port ${postern} --api-port ${api} --app-port ${app} --persist-to state`;
    const running = launch(root, "sh", ["-c", `"${process.execPath}" examples/start.ts ${flags}; true`], {});
    await running.says("Ctrl-C stops all three");
    for (const port of ports) expect((await fetch(`http://localhost:${port}`)).status).toBe(200);
    running.child.kill("SIGTERM");
    await running.isGone();
    for (const port of ports) await expect(fetch(`http://localhost:${port}`)).rejects.toThrow();
    expect(calls().map(([command]) => command)).toEqual(["dev", "dev"]);
  });
});
