/** The service as a user has it: a fresh copy of this tree, and `npm run dev` in it as a child process. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./loopback.ts";
import { TREE, treeFiles } from "./tree-files.ts";

const START_MILLISECONDS = 100_000;
const STOP_MILLISECONDS = 20_000;

export interface Ended {
  code: number | null;
  output: string;
}

export interface Service {
  /** `http://localhost:<port>`: what the service calls itself, and the issuer of its tokens. */
  origin: string;
  /** The folder of its state. */
  state: string;
  output(): string;
  /** Ends the service as a supervisor would: npm alone gets the signal. */
  stop(): Promise<Ended>;
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

export interface Clone {
  folder: string;
  /** Runs an npm script to its end. */
  run(script: string, ...flags: string[]): Promise<Ended>;
  /** Starts the service on state of its own, or on this one, and waits until it says that it runs. */
  start(flags?: string[], state?: string): Promise<Service>;
  /** Starts another Worker beside a service, on the same state, so that the two share KV; by its configuration. */
  startBeside(service: Pick<Service, "state">, config: string, vars: Record<string, string>): Promise<Service>;
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

  const launchNpm = (...words: string[]) => {
    const child = launch(folder, words);
    running.add(child);
    child.ended.then(() => running.delete(child));
    return child;
  };
  const serve = async (service: Running, port: number, state: string, sign: string, started = START_MILLISECONDS) => {
    await within(started, "The start of the service", service.says(sign));
    const stop = async () => {
      service.npm.kill("SIGTERM");
      return within(STOP_MILLISECONDS, "The end of the service", service.ended);
    };
    return { origin: `http://localhost:${port}`, state, output: service.output, stop };
  };

  return {
    folder,
    run: (script, ...flags) =>
      within(START_MILLISECONDS, `npm run ${script}`, launchNpm("run", script, "--", ...flags).ended),
    async start(flags = [], state = mkdtempSync(join(folder, "state-"))) {
      const port = await freePort();
      const service = launchNpm("run", "dev", "--", "--port", String(port), "--persist-to", state, ...flags);
      return serve(service, port, state, "Ctrl-C stops it");
    },
    async startBeside({ state }, config, vars) {
      const port = await freePort();
      const flags = ["--config", config, "--port", String(port), "--inspector-port=0", "--persist-to", state];
      const values = Object.entries(vars).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
      const worker = launchNpm("exec", "--", "wrangler", "dev", ...flags, ...values);
      return serve(worker, port, state, "Ready on");
    },
    async startExample() {
      const [port, apiPort, appPort] = [await freePort(), await freePort(), await freePort()];
      const ports = ["--port", `${port}`, "--api-port", `${apiPort}`, "--app-port", `${appPort}`];
      const persistTo = mkdtempSync(join(folder, "state-"));
      const command = [...ports, "--persist-to", persistTo];
      const launched = launchNpm("run", "example", "--", ...command);
      const started = await serve(launched, port, persistTo, "Ctrl-C stops all three", 2 * START_MILLISECONDS);
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
        [...running].map(async ({ npm, ended, signal }) => {
          npm.kill("SIGTERM");
          await within(STOP_MILLISECONDS, "The end of the service", ended).catch(() => signal("SIGKILL"));
        }),
      );
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

interface Running {
  npm: ChildProcess;
  output(): string;
  /** Settles once it has written this, fails when it ends without. */
  says(words: string): Promise<void>;
  /** Settles when npm and everybody who shares its output are gone. */
  ended: Promise<Ended>;
  /** Reaches npm and all that it started. */
  signal(name: NodeJS.Signals): void;
  /** Settles when nothing is left of npm and all that it started. */
  isGone(): Promise<void>;
}

function launch(folder: string, words: string[]): Running {
  // A group of its own, so that nothing of it can outlive the tests.
  const npm = spawn("npm", words, {
    cwd: folder,
    // Workers of other tests have the same names: each copy has a registry of its own in which they find each other.
    env: { ...plainEnvironment(), WRANGLER_REGISTRY_PATH: join(folder, "registry") },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<Ended>((done) => npm.once("close", (code) => done({ code, output })));
  return {
    npm,
    output: () => output,
    ended,
    says: (words) =>
      new Promise((said, failed) => {
        const look = () => output.includes(words) && said();
        listeners.add(look);
        look();
        ended.then(() => failed(new Error(`It ended without saying "${words}":\n${output}`)));
      }),
    signal(name) {
      if (npm.pid !== undefined) process.kill(-npm.pid, name);
    },
    async isGone() {
      while (npm.pid !== undefined && isThere(-npm.pid)) await pause(50);
    },
  };
}

/** Whether a process, or one of a group, still runs. */
function isThere(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
}

/** What a user's shell has: nothing that belongs to the test run. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_|TEST$|DEV$|PROD$|MODE$|npm_)/.test(name),
  );
  return Object.fromEntries(entries);
}

function within<Value>(milliseconds: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${milliseconds} ms.`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
