/** Wrangler as a child process: run to its end, or started and watched. */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pause } from "../platform/clock.ts";

/** Where a started development server listens. */
export interface Ready {
  hostname: string;
  port: number;
}

export type Wrangler = NonNullable<ReturnType<typeof findWrangler>>;

const LAST_LINES_MILLISECONDS = 500;

/** What to say if the packages are not installed. */
export const NOT_INSTALLED = "The packages are not installed yet. Run `npm ci` first.";

/**
 * `CI` keeps wrangler from asking questions. CLOUDFLARE_ENV is cleared, because it would make wrangler use another
 * Worker than the configuration names. WRANGLER_LOG turns off debug output, which contains requests and would mix with
 * the lines that a command reads.
 */
const UNATTENDED = { CI: "1", CLOUDFLARE_ENV: "", WRANGLER_LOG: "log" };

/** The wrangler that is installed under `root`, or `undefined`. */
export function findWrangler(root: string) {
  const script = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
  if (!existsSync(script)) return undefined;

  const launch = (args: readonly string[], stdio: StdioOptions, environment: object, stop?: AbortSignal) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      stdio,
      // No usage metrics, and no download of a sample `Request.cf`.
      env: { CLOUDFLARE_CF_FETCH_ENABLED: "false", ...process.env, WRANGLER_SEND_METRICS: "false", ...environment },
    });
    // SIGTERM even for Ctrl-C: wrangler passes it on to its children, and shuts the runtime down properly.
    const end = () => child.kill("SIGTERM");
    if (stop?.aborted) end();
    stop?.addEventListener("abort", end);
    child.once("exit", () => stop?.removeEventListener("abort", end));
    return child;
  };

  return {
    /**
     * Runs wrangler to its end. Returns the exit code and the texts of standard output and standard error. Other users
     * of this machine can see `args` but not `input`, so secrets go into `input`.
     */
    async run(args: readonly string[], stop?: AbortSignal, input?: string) {
      const child = launch(args, [input === undefined ? "ignore" : "pipe", "pipe", "pipe"], UNATTENDED, stop);
      // Wrangler may end before it has read all of `input`. Its output says why.
      child.stdin?.on("error", () => {}).end(input);
      const output = collect(child.stdout);
      const complaints = collect(child.stderr);
      const code = await exitOf(child, "close");
      return { code, output: output(), complaints: complaints() };
    },
    /**
     * Starts wrangler. `ready` may never resolve. `exited` resolves with the exit code, which is 1 if a signal ended
     * wrangler. `show` gets each line of wrangler's standard output. Without `show`, the lines go to this process's own
     * standard output.
     */
    start(
      args: readonly string[],
      stop: AbortSignal,
      environment: NodeJS.ProcessEnv = {},
      show?: (line: string) => void,
    ) {
      const output = show === undefined ? "inherit" : "pipe";
      const child = launch(args, ["ignore", output, "inherit", "ipc"], { ...colors(output), ...environment }, stop);
      if (show !== undefined && child.stdout !== null) createInterface({ input: child.stdout }).on("line", show);
      const ready = new Promise<Ready>((resolve) => {
        child.on("message", (message) => {
          const told = readReady(message);
          if (told !== undefined) resolve(told);
        });
      });
      // Wrangler's last lines may arrive after its exit. The wait is short, because a child may keep the pipe open.
      const silent = show === undefined ? undefined : exitOf(child, "close");
      const exited = exitOf(child, "exit").then(async (code) => {
        await Promise.race([silent, pause(LAST_LINES_MILLISECONDS)]);
        return code;
      });
      return { ready, exited };
    },
  };
}

/** Keeps wrangler's colors if its output goes through a pipe to a terminal. */
function colors(output: "inherit" | "pipe"): NodeJS.ProcessEnv {
  return output === "pipe" && process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: "1" } : {};
}

/** Wrangler sends its parent process one line of JSON when its server listens. */
export function readReady(message: unknown): Ready | undefined {
  if (typeof message !== "string" || !message.includes("DEV_SERVER_READY")) return undefined;
  const { ip, port }: { ip?: unknown; port?: unknown } = JSON.parse(message);
  return typeof ip === "string" && typeof port === "number" ? { hostname: ip, port } : undefined;
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: string[] = [];
  stream?.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  return () => chunks.join("");
}

function exitOf(child: ChildProcess, event: "exit" | "close"): Promise<number> {
  return new Promise((resolve) => child.once(event, (code) => resolve(code ?? 1)));
}
