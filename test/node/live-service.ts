/** The service as a user has it: a fresh copy of this tree, and `npm run dev` in it as a child process. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "./loopback.ts";

const TREE = resolve(import.meta.dirname, "../..");
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

export interface Clone {
  folder: string;
  /** Runs an npm script to its end. */
  run(script: string, ...flags: string[]): Promise<Ended>;
  /** Starts the service on state of its own, or on this one, and waits until it says that it runs. */
  start(flags?: string[], state?: string): Promise<Service>;
  /** Ends whatever still runs, and removes the copy. */
  remove(): Promise<void>;
}

/** A copy of what a clone would hold, with the packages that are installed here. */
export function makeClone(): Clone {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "postern-live-")));
  const list = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: TREE, encoding: "utf8" });
  for (const file of list.split("\0")) {
    if (file !== "" && existsSync(join(TREE, file))) cpSync(join(TREE, file), join(folder, file));
  }
  symlinkSync(join(TREE, "node_modules"), join(folder, "node_modules"));
  const running = new Set<Running>();

  const launch = (script: string, flags: string[]) => {
    const child = launchNpm(folder, script, flags);
    running.add(child);
    child.ended.then(() => running.delete(child));
    return child;
  };

  return {
    folder,
    run: (script, ...flags) => within(START_MILLISECONDS, `npm run ${script}`, launch(script, flags).ended),
    async start(flags = [], state = mkdtempSync(join(folder, "state-"))) {
      const port = await freePort();
      const service = launch("dev", ["--port", String(port), "--persist-to", state, ...flags]);
      await within(START_MILLISECONDS, "The start of the service", service.says("Ctrl-C stops it"));
      const stop = async () => {
        service.npm.kill("SIGTERM");
        return within(STOP_MILLISECONDS, "The end of the service", service.ended);
      };
      return { origin: `http://localhost:${port}`, state, output: service.output, stop };
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
}

function launchNpm(folder: string, script: string, flags: string[]): Running {
  // A group of its own, so that nothing of it can outlive the tests.
  const npm = spawn("npm", ["run", script, "--", ...flags], {
    cwd: folder,
    env: plainEnvironment(),
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
  };
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
