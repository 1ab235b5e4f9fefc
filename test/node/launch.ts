/**
 * Runs a program as a child process in a process group of its own, so that none of its processes outlives the tests.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { plainEnvironment } from "./run-program.ts";

export interface Ended {
  code: number | null;
  output: string;
}

export interface Running {
  child: ChildProcess;
  output(): string;
  /** Resolves once the program has written these words. Rejects if the program ends before. */
  says(words: string): Promise<void>;
  /** Resolves when the program, and every process that writes to its output, have ended. */
  ended: Promise<Ended>;
  /** Sends a signal to the program and to everything that it started. */
  signal(name: NodeJS.Signals): void;
  /** Resolves when the program and everything that it started have ended. */
  isGone(): Promise<void>;
}

export function launch(folder: string, command: string, words: string[], more: NodeJS.ProcessEnv): Running {
  const child = spawn(command, words, {
    cwd: folder,
    env: {
      ...plainEnvironment(),
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      // Otherwise wrangler's simulator records every span of every request, and takes more and more memory.
      X_LOCAL_OBSERVABILITY: "false",
      ...more,
    },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<Ended>((done) => child.once("close", (code) => done({ code, output })));
  // If a run is interrupted, nothing else ends the group.
  const killGroup = () => {
    if (child.pid !== undefined && isThere(child.pid)) process.kill(-child.pid, "SIGKILL");
  };
  process.once("exit", killGroup);
  ended.then(() => process.off("exit", killGroup));
  return {
    child,
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
      if (child.pid !== undefined && isThere(child.pid)) process.kill(-child.pid, name);
    },
    async isGone() {
      while (child.pid !== undefined && isThere(child.pid)) await pause(50);
    },
  };
}

/**
 * Whether any process of this group still runs. On Linux, an ended process still accepts signals until its parent has
 * asked for the exit code. In a container, the parent may never ask.
 */
function isThere(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  const statuses = globSync("/proc/[0-9]*/stat");
  return statuses.length === 0 || statuses.some((path) => runsIn(group, path));
}

/** Reads `pid (name) state parent group …`. The name may contain spaces and parentheses. */
function runsIn(group: number, path: string): boolean {
  try {
    const [state = "", , inGroup] = readFileSync(path, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return Number(inGroup) === group && !/[ZX]/.test(state);
  } catch {
    return false;
  }
}

export function within<Value>(milliseconds: number, what: string, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${milliseconds} ms.`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
