/** What the commands' flags have in common. They are read strictly: a command line with a mistake changes nothing. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** What is wrong with a command line, in words for the person who typed it. */
export interface Fault {
  fault: string;
}

/** Which database a command works on. */
export interface Place {
  /** The deployed one; otherwise the one on this machine. */
  remote: boolean;
  /** The folder of the local state, if it is not wrangler's own. */
  persistTo: string | undefined;
}

/** The flags of every command that works on the database. */
export const PLACE_FLAGS = {
  help: { type: "boolean", short: "h" },
  remote: { type: "boolean" },
  "persist-to": { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

/** Their lines in a command's usage. */
export const PLACE_USAGE = `  --remote              use the deployed database instead of the local one
  --persist-to <folder> the folder of the local state, as given to \`npm run dev\`
  --help                show this text`;

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

/** The flags, or the exit code: after an explanation of a mistake, or after the usage that `--help` asks for. */
export function understand<Flags extends { help: boolean }>(
  flags: Flags | Fault,
  usage: string,
  { say, complain }: { say(text: string): void; complain(text: string): void },
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
