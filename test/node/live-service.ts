/**
 * The service in a fresh copy of this tree, as a child process: as a user has it, by `npm run dev`, or from the bundle
 * and the database that were made once for the whole run (live-shared.ts), which takes a third of the time.
 */
import { cpSync, globSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, inject } from "vitest";
import { ensureDevVars } from "../../src/commands/dev-vars.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { type Ended, launch, type Running, within } from "./launch.ts";
import { freePort } from "./loopback.ts";
import { TREE, treeFiles } from "./tree-files.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the tests of a run ask for what they share. */
    shared: string;
  }
}

const START_MILLISECONDS = 100_000;
const STOP_MILLISECONDS = 20_000;

export interface Service {
  /** Such as `http://localhost:<port>`: what the service calls itself, and the issuer of its tokens. */
  origin: string;
  /** The folder of its state. */
  state: string;
  output(): string;
  /** Ends the service as a supervisor would: npm alone gets the signal. */
  stop(): Promise<Ended>;
  /** Ends it and all that it started in the middle of whatever they do, as a machine that fails does. */
  kill(): Promise<void>;
}

/** What `npm run example` starts, each as an origin. */
export interface Example extends Pick<Service, "state" | "output" | "stop"> {
  /** The flags that it was started with. */
  command: string[];
  postern: string;
  api: string;
  app: string;
  /** Ends it as Ctrl-C does: a terminal sends SIGINT to everybody in its foreground. Fails where one of them stays. */
  interrupt(): Promise<Ended>;
}

/** What is made once for a run of the tests, as absolute paths. */
export interface Prepared {
  /** The folder of the Worker's bundle. */
  bundle: string;
  /** The pages and documents, built. */
  assets: string;
  /** State whose database has every table. It is copied, never used. */
  state: string;
}

export interface Clone {
  folder: string;
  /** Runs an npm script to its end. */
  run(script: string, ...flags: string[]): Promise<Ended>;
  /**
   * A folder of state, new unless one is named, with a copy of the database that was made for the whole run. To make
   * every table takes longer than all else that a start does: live.test.ts alone starts on empty state.
   */
  migratedState(folder?: string): Promise<string>;
  /** Starts the service on state of its own, or on this one, and waits until it says that it runs. */
  start(flags?: string[], state?: string): Promise<Service>;
  /**
   * Starts the same service from what is prepared: with this copy's wrangler.toml and .dev.vars, the bundle of the whole
   * run, and a copied database. For tests that need a service of their own, and not the command that starts it. A hash
   * costs next to nothing unless the flags say otherwise. A port is given to start again what had it before: its tokens
   * and links name it.
   */
  serve(flags?: string[], state?: string, prepared?: Prepared, port?: number): Promise<Service>;
  /** Makes the bundle of this copy, and a migrated state unless there is one that other copies may share. */
  prepare(migrated?: string): Promise<Prepared>;
  /** Starts another Worker beside a service, on the same state, so that the two share KV; by its configuration. */
  startBeside(service: Pick<Service, "state">, config: string, vars: Record<string, string>): Promise<Service>;
  /** Starts what a command line starts in a folder, with the programs of the machine, and waits for these words. */
  startLine(folder: string, line: string, sign: string): Promise<Pick<Service, "output" | "stop">>;
  /** Starts Postern, the API and the browser app with the one command for them. */
  startExample(): Promise<Example>;
  /** Ends whatever still runs, and removes the copy. */
  remove(): Promise<void>;
}

/** A copy of what a clone would hold, with the packages that are installed here. */
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
  // As in `npm run dev`, Workers on the same state find each other in a registry in it.
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
      // Of two values of one name wrangler takes the later.
      const preset = asFlags([`PUBLIC_URL:${scheme}://localhost:${port}`, "SCRYPT_LN:4", "SCRYPT_P:1"]);
      const inspector = flags.some((flag) => flag.startsWith("--inspector-port")) ? [] : ["--inspector-port=0"];
      const common = ["--port", `${port}`, ...inspector, "--persist-to", own];
      const service = launchWrangler(own, "dev", "--config", config, ...common, ...preset, ...flags);
      return { ...(await waitUntilServed(service, port, own, "Ready on")), origin: `${scheme}://localhost:${port}` };
    },
    async prepare(migrated) {
      const state = migrated ?? makeState();
      const paths = { bundle: join(folder, "bundle"), assets: join(folder, "public"), state };
      const migrate = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", state];
      const done = await Promise.all([
        launchWrangler(makeState(), "deploy", "--dry-run", "--outdir", paths.bundle).ended,
        ...(migrated === undefined ? [launchWrangler(state, ...migrate).ended] : []),
      ]);
      for (const { code, output } of done) if (code !== 0) throw new Error(output);
      return paths;
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
      // npx passes no signal on.
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
      const started = await waitUntilServed(
        launched,
        port,
        persistTo,
        "Ctrl-C stops all three",
        2 * START_MILLISECONDS,
      );
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

/** A copy that is there until the tests of a file or a `describe` are over. */
export function useClone(): Clone {
  const clone = makeClone();
  afterAll(() => clone.remove());
  return clone;
}

/** Where a service is found, once the tests run. */
export type Found = Readonly<Pick<Service, "origin" | "state">>;

/** The service that the files of a run share tells Prometheus its numbers for this token. */
export const SHARED_METRICS_TOKEN = "a-token-for-the-metrics-of-the-shared-service";

/** A service without limits, which the files of a run share: each test has people of its own. */
export function useSharedService(): Found {
  return foundBefore(() => askShared("service"));
}

/** Puts a service on https, with a certificate that it signed itself. */
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

/** Changes what no request can, such as a moment, in the database of a service that may run meanwhile. */
export function changeDatabase({ state }: Pick<Service, "state">, sql: string): void {
  const [file = ""] = globSync(join(state, "v3/d1/*/*.sqlite")).filter((path) => !path.includes("metadata"));
  const database = new DatabaseSync(file, { timeout: 10_000 });
  database.exec(sql);
  database.close();
}

/** What the run has made once, over HTTP (live-shared.ts). */
export async function askShared<Answer>(what: "prepared" | "service"): Promise<Answer> {
  const answer = await fetch(`${inject("shared")}/${what}`);
  if (!answer.ok) throw new Error(await answer.text());
  return JSON.parse(await answer.text());
}

/** The configuration of the copy for the bundle that exists: nothing is built at a start. */
function configureBundled(toml: string, bundle: string, assets: string): string {
  const replacements: [RegExp, string][] = [
    [
      /^main = .*$/m,
      `main = "${bundle}/index.js"\nbase_dir = "${bundle}"\nno_bundle = true\nfind_additional_modules = true`,
    ],
    [/^minify = .*$/m, ""],
    [/^\[build\]\n(?:\w.*\n)+/m, ""],
    [/^directory = .*$/m, `directory = "${assets}"`],
  ];
  return replacements.reduce((text, [pattern, replacement]) => {
    if (!pattern.test(text)) throw new Error(`wrangler.toml has nothing like ${pattern}.`);
    return text.replace(pattern, replacement);
  }, toml);
}
