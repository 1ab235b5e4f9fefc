/** What a command works in: the tree, the terminal, and the wish of its user to stop. */
import { resolve } from "node:path";
import { type Ask, createAsk } from "./prompt.ts";

export interface Surroundings {
  /** The folder with package.json and wrangler.toml. */
  root: string;
  /** Aborted when the user wants the command to end. */
  stop: AbortSignal;
  say(text: string): void;
  /** Shows how far something has come: at a terminal in the place of what was shown before. */
  show(text: string): void;
  complain(text: string): void;
  ask: Ask;
}

/** The part of the process that tells of a wish to stop. */
export interface SignalSource {
  readonly ppid: number;
  on(signal: "SIGINT" | "SIGTERM" | "SIGHUP", listener: () => void): unknown;
}

const PARENT_CHECK_MILLISECONDS = 300;

/** The surroundings of this process. */
export function here(source: SignalSource = process): Surroundings {
  const stop = stopOf(source);
  return {
    root: resolve(import.meta.dirname, "../.."),
    stop,
    ask: createAsk(process.stdin, process.stdout, stop),
    say: (text) => process.stdout.write(text),
    show: (text) => process.stdout.write(process.stdout.isTTY ? `\r\u001b[K${text}` : `${text}\n`),
    complain: (text) => process.stderr.write(text),
  };
}

function stopOf(source: SignalSource): AbortSignal {
  const stopping = new AbortController();
  const end = () => stopping.abort();
  source.on("SIGINT", end);
  source.on("SIGTERM", end);
  source.on("SIGHUP", end);
  // npm hands a signal to the shell that it started for us, and that shell dies without a word. What
  // is left of it is another parent; without this look everything would run on, with nobody to stop it.
  const parent = source.ppid;
  const watch = setInterval(() => source.ppid !== parent && end(), PARENT_CHECK_MILLISECONDS);
  watch.unref();
  stopping.signal.addEventListener("abort", () => clearInterval(watch));
  return stopping.signal;
}
