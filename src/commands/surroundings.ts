/** What a command works in: the checkout, the terminal, the database, and whether the user wants it to stop. */
import { resolve } from "node:path";
import { openD1 } from "./d1.ts";
import type { Place } from "./flags.ts";
import { type Ask, createAsk } from "./prompt.ts";

export type Surroundings = Omit<ReturnType<typeof here>, "ask"> & { ask: Ask };

/** The parts of `process` that show when the command must stop. */
interface SignalSource {
  readonly ppid: number;
  readonly stdout: Failing;
  readonly stderr: Failing;
  on(signal: "SIGINT" | "SIGTERM" | "SIGHUP", listener: () => void): unknown;
}

interface Failing {
  on(event: "error", listener: () => void): unknown;
}

const PARENT_CHECK_MILLISECONDS = 300;

/** The surroundings of this process. */
export function here(source: SignalSource = process) {
  const root = resolve(import.meta.dirname, "../..");
  const stopping = stopOf(source);
  const { signal: stop } = stopping;
  // The program that reads the output, such as `head`, may end first. Without a listener, this process would then crash
  // before it has cleaned up.
  for (const stream of [source.stdout, source.stderr]) stream.on("error", () => stopping.abort());
  const ask = createAsk(process.stdin, process.stdout, stop);
  return {
    /** The folder with package.json and wrangler.toml. */
    root,
    /** Whether a person can answer questions. A CI server may have a terminal, but no person at it. */
    isTerminal: process.stdin.isTTY === true && !process.env.CI,
    /** Aborted when the user wants the command to end. */
    stop,
    openD1: (place: Place) => openD1(place, root),
    ask,
    hideTyping: ask.hideTyping,
    say(text: string) {
      process.stdout.write(text);
    },
    /** Shows progress. At a terminal it replaces what was shown before. */
    show(text: string) {
      process.stdout.write(process.stdout.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
    },
    complain(text: string) {
      process.stderr.write(text);
    },
  };
}

/** Like `here`, but hides typing at once: the user may type a secret before the question for it appears. */
export function hereForSecret(): Surroundings {
  const world = here();
  world.hideTyping();
  return world;
}

/**
 * Ends the process with a command's exit code, after all output has been written. Without this call, the process might
 * keep running: wrangler can leave something open, for example if the local runtime failed to start.
 */
export async function endWith(code: number): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) await new Promise((passedOn) => stream.write("", passedOn));
  process.exit(code);
}

function stopOf(source: SignalSource): AbortController {
  const stopping = new AbortController();
  const end = () => stopping.abort();
  source.on("SIGINT", end);
  source.on("SIGTERM", end);
  source.on("SIGHUP", end);
  // npm passes a signal only to the shell that it started, and the shell dies without passing the signal on. All that
  // this process can notice is a new parent process. Without this check it would run forever.
  const parent = source.ppid;
  const watch = setInterval(() => source.ppid !== parent && end(), PARENT_CHECK_MILLISECONDS);
  watch.unref();
  stopping.signal.addEventListener("abort", () => clearInterval(watch));
  return stopping;
}
