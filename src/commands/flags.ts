/** What the commands' flags have in common: read strictly, since what is not understood must change nothing. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import type { Surroundings } from "./surroundings.ts";

/** What is wrong with a command line, in words for the person who typed it. */
export interface Fault {
  fault: string;
}

/** Which database a command works on. */
export interface Place {
  /** The deployed one; otherwise the one on this machine. */
  remote: boolean;
  /** The folder of the local state, where it is not wrangler's own. */
  persistTo: string | undefined;
}

/** The flags of every command that works on the database. */
export const PLACE_FLAGS = {
  help: { type: "boolean", short: "h" },
  remote: { type: "boolean" },
  "persist-to": { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

/** Their lines in a command's usage. */
export const PLACE_USAGE = `  --remote              in the deployed database; without it, in the local one
  --persist-to <folder> the local state that \`npm run dev\` was given
  --help                this text`;

/** The flags and the words beside them, or what is wrong with them. */
export function readFlags<const Options extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: Options,
  allowPositionals = false,
) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals });
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Flags that a command can go by. A command line that is wrong is answered with what is wrong, and one that asks
 * for help with the usage: then it is the exit code.
 */
export function understand<Flags extends { help: boolean }>(
  flags: Flags | Fault,
  usage: string,
  { say, complain }: Pick<Surroundings, "say" | "complain">,
): Flags | number {
  if ("fault" in flags) {
    complain(`${flags.fault}\n\n${usage}`);
    return 2;
  }
  if (!flags.help) return flags;
  say(usage);
  return 0;
}

/** The place that the flags name, or what is wrong with it. */
export function readPlace(remote: boolean | undefined, persistTo: string | undefined): Place | Fault {
  if (remote && persistTo !== undefined)
    return { fault: "--persist-to names local state: it does not go with --remote." };
  return { remote: remote ?? false, persistTo };
}
