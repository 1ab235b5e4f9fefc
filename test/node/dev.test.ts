import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { dev } from "../../src/commands/dev.ts";
import { eventually } from "../support/eventually.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { freePort } from "./loopback.ts";
import { makeTree, type Tree } from "./stand-in.ts";

const database = await makeLocalDatabase();
const treeFor = (script: string) => makeTree(script, [], database);

/** A service that answers until it is told to stop. */
const SERVES = `
  if (args[0] === "dev") {
    http.createServer((request, response) => response.end(request.url)).listen(port, "127.0.0.1", () => tellReady("127.0.0.1"));
    process.on("SIGTERM", () => process.exit(0));
  }`;

/** Waits up to a minute: the first start loads wrangler to read `wrangler.toml`. */
async function stopOnceRunning(work: Tree): Promise<void> {
  await vi.waitFor(() => expect(work.said()).toContain("Ctrl-C stops it"), 60_000);
  work.stopNow();
}

describe("npm run dev", () => {
  it("makes .dev.vars, migrates, starts wrangler, says where everything is, and ends well when it is stopped", async () => {
    const work = treeFor(SERVES);
    const port = await freePort();
    const running = dev(["--port", String(port), "--persist-to", "./elsewhere", "--var", "RATE_LIMITING:off"], work);
    await stopOnceRunning(work);
    expect(await running).toBe(0);
    expect(work.calls()).toEqual([
      [
        "dev",
        "--show-interactive-dev-session=false",
        "--inspector-port=0",
        "--var",
        `PUBLIC_URL:http://localhost:${port}`,
        `--port=${port}`,
        "--persist-to",
        "./elsewhere",
        "--var",
        "RATE_LIMITING:off",
      ],
    ]);
    expect(readFileSync(join(work.root, ".dev.vars"), "utf8")).toContain("AUTH_SECRET=");
    expect(work.places).toEqual([
      { remote: false, config: join(work.root, "wrangler.toml"), persistTo: join(work.root, "elsewhere") },
    ]);
    expect(work.said()).toContain("Made .dev.vars");
    for (const path of ["/api/v1", "/docs", "/dev/outbox", "/health"])
      expect(work.said()).toContain(`http://127.0.0.1:${port}${path}`);
    expect(work.said()).toMatch(/State +elsewhere/);
    expect(work.complained()).toBe("");
  });

  it.each([
    ["where it is by default", [], "http://127.0.0.1:PORT/admin "],
    ["where the configuration moves it", ["--var", "ADMIN_PATH:/operators"], "http://127.0.0.1:PORT/operators "],
    ["nowhere if it is off", ["--var", "ADMIN_PATH:off"], undefined],
  ])("names the console %s", async (_, argv, url) => {
    const work = treeFor(SERVES);
    writeFileSync(join(work.root, "wrangler.toml"), 'name = "mine"\n[vars]\nADMIN_PATH = "/admin"\n');
    const port = await freePort();
    const running = dev(["--port", String(port), ...argv], work);
    await stopOnceRunning(work);
    expect(await running).toBe(0);
    const line = work
      .said()
      .split("\n")
      .find((each) => each.startsWith("  Console "));
    if (url === undefined) expect(line).toBeUndefined();
    else expect(line).toContain(url.replace("PORT", String(port)));
  });

  it.each([
    ["a flag", ["--var", "PUBLIC_URL:http://localhost:1"], ""],
    ["a line in .dev.vars", [], "PUBLIC_URL=http://localhost:1\nAUTH_SECRET=x\n"],
    ["a file given by --env-file", ["--env-file", "mine.env"], ""],
  ])("leaves the public URL to %s", async (_, argv, vars) => {
    const work = treeFor("");
    if (vars !== "") writeFileSync(join(work.root, ".dev.vars"), vars);
    writeFileSync(join(work.root, "mine.env"), "PUBLIC_URL=http://localhost:1\n");
    expect(await dev([...argv, "--port", String(await freePort()), "--inspector-port=0"], work)).toBe(0);
    const started = work.calls().at(-1) ?? [];
    expect(started.filter((word) => word.includes("PUBLIC_URL")).length).toBe(argv[0] === "--var" ? 1 : 0);
    expect(started.filter((word) => word.startsWith("--inspector-port"))).toHaveLength(1);
  });

  it("makes no .dev.vars that wrangler would not read", async () => {
    const work = treeFor("");
    // Node itself reads this flag at any place of the command line, and ends if the file is missing.
    writeFileSync(join(work.root, "mine.env"), "");
    expect(await dev(["--env-file=mine.env", "--port", String(await freePort())], work)).toBe(0);
    expect(work.said()).not.toContain(".dev.vars");
    expect(work.calls().at(-1)?.join(" ")).toContain("PUBLIC_URL:http://localhost:");
  });

  it.each([
    ["PRODUCT_NAME=Mine\n", 1],
    ["ENVIRONMENT=production\n", 0],
  ])("is a service of development unless .dev.vars says otherwise: %j", async (vars, given) => {
    const work = treeFor("");
    writeFileSync(join(work.root, ".dev.vars"), vars);
    expect(await dev(["--port", String(await freePort())], work)).toBe(0);
    const started = work.calls().at(-1) ?? [];
    expect(started.filter((word) => word === "ENVIRONMENT:development")).toHaveLength(given);
  });

  it("completes a .dev.vars beside the configuration that --config names", async () => {
    const work = treeFor(SERVES);
    mkdirSync(join(work.root, "other"));
    writeFileSync(join(work.root, "other", ".dev.vars"), "PRODUCT_NAME=Mine\n");
    const running = dev(["-c", "other/wrangler.toml", "--port", String(await freePort())], work);
    await stopOnceRunning(work);
    expect(await running).toBe(0);
    expect(work.said()).toContain("Added a random AUTH_SECRET to other/.dev.vars");
    expect(work.said()).toMatch(/State +other\/.wrangler\/state/);
  });

  it.each([
    ["a line in .dev.vars", "SCRYPT_LN=99\n", [], "SCRYPT_LN takes"],
    ["a flag", "", ["--var", "ENVIRONMENT:production", "MAIL_TRANSPORT:pigeon"], "MAIL_TRANSPORT takes"],
    ["wrangler.toml", "", [], "PRODUCT_NAME takes"],
  ])("says before wrangler starts, and alone, that a value is wrong in %s", async (where, vars, argv, fault) => {
    const work = treeFor("");
    const name = where === "wrangler.toml" ? "x".repeat(500) : "Mine";
    writeFileSync(join(work.root, "wrangler.toml"), `name = "mine"\n[vars]\nPRODUCT_NAME = "${name}"\n`);
    writeFileSync(join(work.root, ".dev.vars"), `AUTH_SECRET=W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHr\n${vars}`);
    expect(await dev([`--port=${await freePort()}`, ...argv], work)).toBe(1);
    expect(work.calls()).toEqual([]);
    expect(work.said()).toBe("");
    expect(work.complained()).toMatch(/^Configuration error:\n/);
    expect(work.complained()).toContain(fault);
    expect(work.complained()).not.toContain("W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHr");
  });

  it("takes the values of an --env-file, and leaves a broken configuration file to wrangler", async () => {
    const work = treeFor("");
    writeFileSync(join(work.root, "wrangler.toml"), 'name = "mine"\n');
    writeFileSync(join(work.root, "mine.env"), "AUTH_SECRET=W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHr\n");
    const port = `--port=${await freePort()}`;
    const flags = ["--env-file=mine.env", "--var", "ENVIRONMENT:development", port];
    expect(await dev(flags, work)).toBe(0);
    writeFileSync(join(work.root, "mine.env"), "AUTH_SECRET=short\n");
    expect(await dev(flags, work)).toBe(1);
    expect(work.complained()).toContain("AUTH_SECRET");
    writeFileSync(join(work.root, "wrangler.toml"), "name = \n");
    expect(await dev(flags, work)).toBe(0);
  });

  it("leaves out wrangler's tables and its line for each request, unless --verbose asks for them", async () => {
    const printed = [
      "Your Worker has access to the following bindings:",
      "Binding  Resource  Mode",
      "env.DB (postern)  D1 Database  local",
      "",
      "\u001b[2m[wrangler:info]\u001b[22m GET /health 200 OK (5ms)",
      '{"level":"info","event":"request"}',
      "[wrangler:info] Ready on http://localhost:8787",
    ];
    const script = `if (args[0] === "dev") process.stdout.write(${JSON.stringify(`${printed.join("\n")}\n`)})`;
    const work = treeFor(script);
    expect(await dev([`--port=${await freePort()}`], work)).toBe(0);
    await expect.poll(() => work.said()).toContain("Ready on");
    expect(work.said()).toContain(`\n${printed.slice(-2).join("\n")}\n`);
    for (const line of printed.slice(0, 3)) expect(work.said()).not.toContain(line);
    expect(work.said()).not.toContain("GET /health");

    const verbose = treeFor(script);
    expect(await dev(["--verbose", `--port=${await freePort()}`], verbose)).toBe(0);
    // With --verbose, wrangler writes to the terminal itself.
    expect(verbose.said()).not.toContain("Ready on");
    expect(verbose.calls().at(-1)).not.toContain("--verbose");
  });

  it("takes wrangler's word for a service behind a self-signed certificate", async () => {
    const work = treeFor(
      `if (args[0] === "dev") { tellReady("0.0.0.0"); process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000); }`,
    );
    const port = await freePort();
    const running = dev(["--local-protocol=https", "--persist-to=.", `--port=${port}`], work);
    await stopOnceRunning(work);
    expect(await running).toBe(0);
    expect(work.said()).toContain(`https://localhost:${port}/docs`);
    expect(work.said()).toMatch(/State +\. /);
  });

  it("waits until the service is healthy, and says so when that takes long", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const work = treeFor(`
      let asked = 0;
      const answer = (request, response) => { response.statusCode = ++asked > 80 ? 200 : 503; response.end(); };
      if (args[0] === "dev") {
        http.createServer(answer).listen(port, "127.0.0.1", () => tellReady("127.0.0.1"));
        process.on("SIGTERM", () => process.exit(0));
      }`);
    const running = dev([`--port=${await freePort()}`], work);
    while (!work.said().includes("Ctrl-C")) {
      vi.advanceTimersByTime(200);
      await new Promise((resolve) => setImmediate(resolve));
    }
    work.stopNow();
    expect(await running).toBe(0);
    expect(work.complained()).toMatch(/health\/ready does not answer as it should/);
  });

  it("takes the next free port and says so, even if another program takes a port first", async () => {
    // Another process takes the first port, and the stand-in fails on its first start, as wrangler would.
    const work = treeFor(`
      if (call > 1) process.exit(0);
      setInterval(() => fs.existsSync("taken") && process.exit(1), 5);
    `);
    const intruder = createServer();
    onTestFinished(() => void intruder.close());
    const ports = () => work.calls().flatMap((args) => args.filter((arg) => arg.startsWith("--port=")));
    const running = dev([], work);
    await eventually(() => expect(ports()).toHaveLength(1));
    const [first = ""] = ports();
    await new Promise<void>((taken) => intruder.listen(Number(first.replace("--port=", "")), "127.0.0.1", taken));
    writeFileSync(join(work.root, "taken"), "");
    expect(await running).toBe(0);
    expect(ports()[1]).not.toBe(first);
    expect(work.said()).toMatch(/Port 8787 is taken: this instance uses 8\d\d\d/);
  });
});
