/**
 * Runs the service in a fresh copy of this tree, as a child process. The service starts with `npm run dev`, as a user
 * starts it, or from the bundle and the database that were made once for the whole run (live-shared.ts). The second way
 * takes a third of the time.
 */
import { cpSync, globSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, inject } from "vitest";
import { openD1 } from "../../src/commands/d1.ts";
import { ensureDevVars } from "../../src/commands/dev-vars.ts";
import { migrateLocally } from "../../src/commands/local-migrations.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { type Ended, launch, type Running, within } from "./launch.ts";
import { freePort } from "./loopback.ts";
import { TREE, treeFiles } from "./tree-files.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The address at which the test files of a run ask for what they share. */
    shared: string;
  }
}

const START_MILLISECONDS = 200_000;
const STOP_MILLISECONDS = 20_000;

export interface Service {
  /** The service's own address and the issuer of its tokens, such as `http://localhost:<port>`. */
  origin: string;
  /** The folder of its state. */
  state: string;
  output(): string;
  /** Ends the service as a supervisor would: only npm gets the signal. */
  stop(): Promise<Ended>;
  /** Kills the service and everything that it started at once, as a failing machine would. */
  kill(): Promise<void>;
}

/** What `npm run example` starts. `postern`, `api` and `app` are origins. */
export interface Example extends Pick<Service, "state" | "output"> {
  /** The flags that started the example. */
  command: string[];
  postern: string;
  api: string;
  app: string;
  /** Sends SIGINT to every process of the example, as a terminal does on Ctrl-C. Fails if one of them does not end. */
  interrupt(): Promise<Ended>;
}

/** The absolute paths of what is made once for a run of the tests. */
export interface Prepared {
  /** The folder of the Worker's bundle. */
  bundle: string;
  /** The pages and documents, built. */
  assets: string;
  /** A folder of state whose database has every table. Tests only copy it. */
  state: string;
}

export interface Clone {
  folder: string;
  /** Runs an npm script to its end. */
  run(script: string, ...flags: string[]): Promise<Ended>;
  /**
   * Copies the database that was made for the whole run into a folder of state, new unless one is given. Creating every
   * table takes longer than the rest of a start, so only live.test.ts starts on empty state.
   */
  migratedState(folder?: string): Promise<string>;
  /** Copies the packages that were built once for the whole run, as `npm run build:packages` would leave them. */
  addPackages(): Promise<void>;
  /** Starts the service on new state, or on the given state, and waits until it prints that it runs. */
  start(flags?: string[], state?: string): Promise<Service>;
  /**
   * Starts the service from a prepared bundle, with this copy's wrangler.toml and .dev.vars, and a copy of the prepared
   * database unless `state` is given. For tests that need their own service, but do not test `npm run dev`. Password
   * hashes are nearly free unless the flags say otherwise. A test that starts a service again passes the same `port`,
   * because the service's tokens and links contain the port.
   */
  serve(flags?: string[], state?: string, prepared?: Prepared, port?: number): Promise<Service>;
  /** Builds the bundle of this copy. Also makes the pages and a migrated state, unless they are given. */
  prepare(made?: Pick<Prepared, "assets" | "state">): Promise<Prepared>;
  /** Starts another Worker by its configuration file, on a service's state, so that the two share KV. */
  startBeside(service: Pick<Service, "state">, config: string, vars: Record<string, string>): Promise<Service>;
  /** Runs a command line in a folder, without `node_modules` in PATH. Waits until it prints `sign`. */
  startLine(folder: string, line: string, sign: string): Promise<Pick<Service, "output" | "stop">>;
  /** Starts Postern, the API and the browser app with the one command for them. */
  startExample(): Promise<Example>;
  /** Ends everything that still runs, and removes the copy. */
  remove(): Promise<void>;
}

/** Copies the files that a Git clone would have, and links the packages that are installed here. */
export function makeClone(): Clone {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "postern-live-")));
  for (const file of treeFiles()) cpSync(join(TREE, file), join(folder, file));
  symlinkSync(join(TREE, "node_modules"), join(folder, "node_modules"));
  const running = new Set<Running>();

  const launchIn = (more: NodeJS.ProcessEnv, command: string, words: string[], cwd = folder) => {
    const child = launch(cwd, command, words, more);
    running.add(child);
    child.ended.then(() => running.delete(child));
    return child;
  };
  const launchNpm = (...words: string[]) => launchIn({}, "npm", words);
  // As with `npm run dev`, the registry in which Workers find each other is in the folder of the state.
  const launchWrangler = (state: string, ...words: string[]) =>
    launchIn({ WRANGLER_REGISTRY_PATH: join(state, "registry") }, process.execPath, [
      "node_modules/wrangler/bin/wrangler.js",
      ...words,
    ]);
  const makeState = () => mkdtempSync(join(folder, "state-"));
  const migratedState = async (into = makeState()) => {
    const { state } = await askShared<Prepared>("prepared");
    cpSync(state, into, { recursive: true });
    return into;
  };
  const waitUntilServed = async (
    service: Running,
    port: number,
    state: string,
    sign: string,
    started = START_MILLISECONDS,
  ) => {
    await within(started, "The start of the service", service.says(sign));
    const stop = async () => {
      service.child.kill("SIGTERM");
      return within(STOP_MILLISECONDS, "The end of the service", service.ended);
    };
    const kill = async () => {
      service.signal("SIGKILL");
      await within(STOP_MILLISECONDS, "The end of the service", service.isGone());
    };
    return { origin: `http://localhost:${port}`, state, output: service.output, stop, kill };
  };

  return {
    folder,
    run: (script, ...flags) =>
      within(START_MILLISECONDS, `npm run ${script}`, launchNpm("run", script, "--", ...flags).ended),
    migratedState,
    addPackages: async () => cpSync(await askShared<string>("packages"), join(folder, "dist"), { recursive: true }),
    async start(flags = [], state = makeState()) {
      const port = await freePort();
      const service = launchNpm("run", "dev", "--", "--port", String(port), "--persist-to", state, ...flags);
      return waitUntilServed(service, port, state, "Ctrl-C stops it");
    },
    async serve(flags = [], state, prepared, givenPort) {
      const { bundle, assets, state: migrated } = prepared ?? (await askShared<Prepared>("prepared"));
      const port = givenPort ?? (await freePort());
      ensureDevVars(join(folder, ".dev.vars"), systemRandom);
      const config = `wrangler.${port}.toml`;
      writeFileSync(
        join(folder, config),
        configureBundled(readFileSync(join(folder, "wrangler.toml"), "utf8"), bundle, assets),
      );
      const own = state ?? makeState();
      if (state === undefined) cpSync(migrated, own, { recursive: true });
      const scheme = flags.includes(OVER_HTTPS) ? "https" : "http";
      // If a name is given twice, wrangler takes the later value, so the caller's flags win.
      const preset = asFlags([`PUBLIC_URL:${scheme}://localhost:${port}`, "SCRYPT_LN:4", "SCRYPT_P:1"]);
      const inspector = flags.some((flag) => flag.startsWith("--inspector-port")) ? [] : ["--inspector-port=0"];
      const common = ["--port", `${port}`, ...inspector, "--persist-to", own];
      const service = launchWrangler(own, "dev", "--config", config, ...common, ...preset, ...flags);
      return { ...(await waitUntilServed(service, port, own, "Ready on")), origin: `${scheme}://localhost:${port}` };
    },
    async prepare(made) {
      const { assets, state } = made ?? { assets: join(folder, "public"), state: makeState() };
      const bundle = join(folder, "bundle");
      const config = made === undefined ? [] : ["--config", "wrangler.bundle.toml"];
      const toml = readFileSync(join(folder, "wrangler.toml"), "utf8");
      if (made !== undefined) writeFileSync(join(folder, "wrangler.bundle.toml"), configureAssets(toml, assets));
      const [{ code, output }] = await Promise.all([
        launchWrangler(makeState(), "deploy", "--dry-run", ...config, "--outdir", bundle).ended,
        ...(made === undefined ? [migrate(state)] : []),
      ]);
      if (code !== 0) throw new Error(output);
      return { bundle, assets, state };
    },
    async startBeside({ state }, config, vars) {
      const port = await freePort();
      const flags = ["--config", config, "--port", String(port), "--inspector-port=0", "--persist-to", state];
      const values = asFlags(Object.entries(vars).map(([name, value]) => `${name}:${value}`));
      const worker = launchWrangler(state, "dev", ...flags, ...values);
      return waitUntilServed(worker, port, state, "Ready on");
    },
    async startLine(folder, line, sign) {
      const path = process.env.PATH?.split(delimiter).filter((part) => !part.includes("node_modules"));
      const program = launchIn({ PATH: path?.join(delimiter) }, "bash", ["-c", line], folder);
      await within(START_MILLISECONDS, "The start of the program", program.says(sign));
      // npx passes no signals on, so the whole group gets the signal.
      const stop = async () => {
        program.signal("SIGTERM");
        return within(STOP_MILLISECONDS, "The end of the program", program.ended);
      };
      return { output: program.output, stop };
    },
    async startExample() {
      const [port, apiPort, appPort] = [await freePort(), await freePort(), await freePort()];
      const ports = ["--port", `${port}`, "--api-port", `${apiPort}`, "--app-port", `${appPort}`];
      const persistTo = await migratedState();
      const command = [...ports, "--persist-to", persistTo];
      const launched = launchNpm("run", "example", "--", ...command);
      const started = await waitUntilServed(launched, port, persistTo, "Ctrl-C stops all three", START_MILLISECONDS);
      const [api, app] = [`http://localhost:${apiPort}`, `http://localhost:${appPort}`];
      const interrupt = async () => {
        launched.signal("SIGINT");
        const ended = await within(STOP_MILLISECONDS, "The end of the example", launched.ended);
        await within(STOP_MILLISECONDS, "The end of all that it started", launched.isGone());
        return ended;
      };
      return { command, postern: started.origin, api, app, interrupt, ...started };
    },
    async remove() {
      await Promise.all(
        [...running].map(async ({ child, ended, signal }) => {
          child.kill("SIGTERM");
          await within(STOP_MILLISECONDS, "The end of the service", ended).catch(() => signal("SIGKILL"));
        }),
      );
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** Applies all migrations to an empty state. */
async function migrate(state: string): Promise<void> {
  const { DB, dispose } = await openD1({ remote: false, persistTo: state }, TREE);
  await migrateLocally(DB, join(TREE, "migrations")).finally(dispose);
}

/** A copy that is removed after the tests of a file or a `describe`. */
export function useClone(): Clone {
  const clone = makeClone();
  afterAll(() => clone.remove());
  return clone;
}

/** Where a service is. Filled in before the first test runs. */
export type Found = Readonly<Pick<Service, "origin" | "state">>;

/** The METRICS_TOKEN of the service that the files of a run share. */
export const SHARED_METRICS_TOKEN = "a-token-for-the-metrics-of-the-shared-service";

/**
 * A service without limits, which the files of a run share. Each test uses its own people. No test opens its database
 * for longer than a statement: meanwhile, the service may answer other tests with 503.
 */
export function useSharedService(): Found {
  return foundBefore(() => askShared("service"));
}

/** The flag that makes a service use https, with a self-signed certificate. */
export const OVER_HTTPS = "--local-protocol=https";

/** A service for the tests of a `describe`, with these configuration values, each as `NAME:value`. */
export function useService(values: readonly string[], flags: readonly string[] = []): Found {
  let clone: Clone | undefined;
  afterAll(() => clone?.remove());
  return foundBefore(() => {
    clone = makeClone();
    return clone.serve([...flags, ...asFlags(values)]);
  });
}

/** Configuration values, each as `NAME:value`, on a command line. */
const asFlags = (values: readonly string[]) => values.flatMap((value) => ["--var", value]);

function foundBefore(find: () => Promise<Found>): Found {
  const found = { origin: "", state: "" };
  beforeAll(async () => {
    const { origin, state } = await find();
    Object.assign(found, { origin, state });
  });
  return found;
}

/**
 * Runs SQL in a service's database, even while the service runs. Tests change times with it, which no request can.
 */
export function changeDatabase({ state }: Pick<Service, "state">, sql: string): void {
  const [file = ""] = globSync(join(state, "v3/d1/*/*.sqlite")).filter((path) => !path.includes("metadata"));
  const database = new DatabaseSync(file, { timeout: 10_000 });
  database.exec(sql);
  database.close();
}

/** Asks over HTTP for something that is made once for the run (live-shared.ts). */
export async function askShared<Answer>(what: "prepared" | "packages" | "service"): Promise<Answer> {
  const answer = await fetch(`${inject("shared")}/${what}`);
  if (!answer.ok) throw new Error(await answer.text());
  return JSON.parse(await answer.text());
}

/** Changes a copy's configuration so that it uses existing pages and builds none. */
const configureAssets = (toml: string, assets: string) =>
  replaceEach(toml, [
    [/^\[build\]\n(?:\w.*\n)+/m, ""],
    [/^directory = .*$/m, `directory = "${assets}"`],
  ]);

/** Changes the copy's configuration so that a start uses an existing bundle and builds nothing. */
const configureBundled = (toml: string, bundle: string, assets: string) =>
  replaceEach(configureAssets(toml, assets), [
    [
      /^main = .*$/m,
      `main = "${bundle}/index.js"\nbase_dir = "${bundle}"\nno_bundle = true\nfind_additional_modules = true`,
    ],
    [/^minify = .*$/m, ""],
  ]);

function replaceEach(toml: string, replacements: readonly [RegExp, string][]): string {
  return replacements.reduce((text, [pattern, replacement]) => {
    if (!pattern.test(text)) throw new Error(`wrangler.toml has nothing like ${pattern}.`);
    return text.replace(pattern, replacement);
  }, toml);
}
