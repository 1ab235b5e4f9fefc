/** `npm run example`: starts Postern, an API that accepts its tokens, and a browser app. Stops them together. */
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { dev } from "../src/commands/dev.ts";
import { understand } from "../src/commands/flags.ts";
import { choosePort, isFree } from "../src/commands/ports.ts";
import { inRegistry, registryOf } from "../src/commands/registry.ts";
import { endWith, here, type Surroundings } from "../src/commands/surroundings.ts";
import { findWrangler, NOT_INSTALLED, type Wrangler } from "../src/commands/wrangler.ts";
import { pause, SECOND } from "../src/platform/clock.ts";
import { type ExampleFlags, parseFlags } from "./flags.ts";

const FIRST_PORTS = { port: 8787, "api-port": 8790, "app-port": 5173 };

const USAGE = `Usage: npm run example -- [flags]

Starts Postern, the API in examples/api and the browser app in examples/app, on these ports or the next free ones.

  --port <number>       Postern's port (${FIRST_PORTS.port})
  --api-port <number>   the API's port (${FIRST_PORTS["api-port"]})
  --app-port <number>   the app's port (${FIRST_PORTS["app-port"]})
  --persist-to <folder> where to store the state (.wrangler/state)
  --help                show this text
`;

const POLL_PAUSE = 200;

/** The addresses of Postern, the API and the app. */
interface Origins {
  postern: string;
  api: string;
  app: string;
}

/** Runs the command. Returns its exit code, which is 0 if the user stopped it. */
async function example(argv: readonly string[], world: Surroundings): Promise<number> {
  const flags = understand(parseFlags(argv), USAGE, world);
  if (typeof flags === "number") return flags;
  const wrangler = findWrangler(world.root);
  if (wrangler === undefined) {
    world.complain(`${NOT_INSTALLED}\n`);
    return 1;
  }
  const ports = await choosePorts(flags, world);
  if (ports === undefined) return 1;
  const [postern, api, app] = ports.map((port) => `http://localhost:${port}`);
  if (postern === undefined || api === undefined || app === undefined) return 1;
  return serve({ postern, api, app }, resolve(world.root, flags.persistTo ?? ".wrangler/state"), wrangler, world);
}

/** Three free ports: for Postern, the API and the app, in this order. `undefined` if a chosen port is taken. */
async function choosePorts(flags: ExampleFlags, { say, complain }: Surroundings): Promise<number[] | undefined> {
  const chosen: number[] = [];
  const named = Object.values(flags.ports);
  const free = async (port: number, host: string) =>
    !chosen.includes(port) && !named.includes(port) && (await isFree(port, host));
  for (const [name, first] of Object.entries(FIRST_PORTS)) {
    const wanted = flags.ports[name];
    const port = wanted ?? (await choosePort(first, "localhost", free));
    if (port === undefined || !(await isFree(port, "localhost"))) {
      complain(`Port ${port ?? first} is taken. Choose another one with --${name}.\n`);
      return undefined;
    }
    if (wanted === undefined && port !== first) say(`Port ${first} is taken. Using ${port} instead.\n`);
    chosen.push(port);
  }
  return chosen;
}

/** Runs Postern, the API and the app until one of them ends or the user stops them. Returns the exit code. */
async function serve(origins: Origins, state: string, wrangler: Wrangler, world: Surroundings): Promise<number> {
  // When one of the three ends, this stops the others.
  const ending = new AbortController();
  const stop = AbortSignal.any([world.stop, ending.signal]);
  const together = <Value>(work: Promise<Value>) => work.finally(() => ending.abort());

  // Hides Postern's own banner, which does not mention the API and the app.
  const say = (text: string) => text.includes("Postern is running.") || world.say(text);
  const postern = together(dev(posternArguments(origins, state), { ...world, stop, say }));
  // The app can start before Postern and the API.
  const running = [postern, together(serveApp(origins, world.root, stop))];
  if (await answers(`${origins.postern}/health/ready`, stop)) {
    running.push(together(wrangler.start(apiArguments(origins, state), stop, inRegistry(registryOf(state))).exited));
  }
  const others = [`${origins.api}/notes`, origins.app].map((url) => answers(url, stop));
  if ((await Promise.all(others)).every(Boolean)) world.say(banner(origins));
  const codes = await Promise.all(running);
  return world.stop.aborted ? 0 : (codes.find((code) => code !== 0) ?? 0);
}

/** With these arguments, Postern allows the app's origin, and its verification emails link to the app. */
function posternArguments({ postern, app }: Origins, state: string): string[] {
  const values = [
    `PUBLIC_URL:${postern}`,
    `JWT_AUDIENCE:${postern}`,
    `ALLOWED_ORIGINS:${app}`,
    `VERIFY_EMAIL_URL:${app}/verify-email`,
  ];
  return [`--port=${new URL(postern).port}`, "--persist-to", state, ...values.flatMap((value) => ["--var", value])];
}

/** With these arguments, the API accepts Postern's tokens, allows the app's origin, and uses Postern's local KV. */
function apiArguments({ postern, api, app }: Origins, state: string): string[] {
  const flags = ["--config", "examples/api/wrangler.toml", "--persist-to", state, `--port=${new URL(api).port}`];
  const values = [`ISSUER:${postern}`, `AUDIENCE:${postern}`, `ALLOWED_ORIGIN:${app}`];
  const quiet = ["--show-interactive-dev-session=false", "--inspector-port=0"];
  return ["dev", ...flags, ...quiet, ...values.flatMap((value) => ["--var", value])];
}

/** Starts Vite in its own process, with the addresses of Postern and the API. Ends the process when `stop` aborts. */
function serveApp({ postern, api, app }: Origins, root: string, stop: AbortSignal): Promise<number> {
  const script = join(root, "node_modules/vite/bin/vite.js");
  const { port } = new URL(app);
  const args = [script, "examples/app", "--port", port, "--strictPort", "--clearScreen", "false", "--logLevel", "warn"];
  const env = { ...process.env, VITE_POSTERN_URL: postern, VITE_API_URL: api };
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], env });
  const end = () => child.kill("SIGTERM");
  stop.addEventListener("abort", end);
  // The user may have stopped the command before: then there is no event.
  if (stop.aborted) end();
  return new Promise((exited) => child.once("exit", (code) => exited(stop.aborted ? 0 : (code ?? 1))));
}

/** Waits until a URL answers, with any status. Returns `false` if `stop` is aborted first. */
async function answers(url: string, stop: AbortSignal): Promise<boolean> {
  while (!stop.aborted) {
    try {
      await fetch(url, { signal: AbortSignal.timeout(5 * SECOND) });
      return !stop.aborted;
    } catch {
      await pause(POLL_PAUSE);
    }
  }
  return false;
}

/** The addresses, shown when everything is running. */
function banner({ postern, api, app }: Origins): string {
  return `
The example is running.

  App      ${app}  (register here)
  Outbox   ${postern}/dev/outbox  (the emails that would have been sent)
  API      ${api}/notes
  Postern  ${postern}

Ctrl-C stops all three.

`;
}

await endWith(await example(process.argv.slice(2), here()));
