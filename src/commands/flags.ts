/** Reads the flags that commands share. Reading is strict: a command line with a mistake changes nothing. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { faultOfEnvironment } from "./deploy/environments.ts";

/** What is wrong with a command line, in words for the person who typed it. */
export interface Fault {
  fault: string;
}

/** Which database a command works on. */
export interface Place {
  /** Whether to use the deployed database instead of one on this machine. */
  remote: boolean;
  /** The folder of the local state, if it is not wrangler's default. */
  persistTo: string | undefined;
  /** The folder of a container's volume, to use the database on this volume. */
  volume?: string | undefined;
  /** The name of the environment, if given: a deployed environment, or one in the file `config`. */
  environment?: string | undefined;
  /** The path of a local configuration, if it is not the wrangler.toml of this release. */
  config?: string | undefined;
}

/** The flags of every command that works on the database. */
export const PLACE_FLAGS = {
  help: { type: "boolean", short: "h" },
  remote: { type: "boolean" },
  env: { type: "string" },
  "persist-to": { type: "string" },
  volume: { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

/** The lines about these flags in a command's usage. */
export const PLACE_USAGE = `  --remote              use the deployed database instead of the local one
  --env <name>          with --remote: the environment, as given to \`npm run deploy\`
  --persist-to <folder> the folder of the local state, as given to \`npm run dev\`
  --volume <folder>     use the database of the container that runs on this volume
  --help                show this text`;

/** Parses a command line into flags and positional arguments, or returns what is wrong with it. */
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

/** Returns the flags. If they are wrong or ask for help, prints an explanation and returns the exit code instead. */
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

/** Prints why a command can't do what it was asked for. Returns the exit code. */
export function giveUp(fault: string, { complain }: { complain(text: string): void }): number {
  complain(`${fault} Nothing changed.\n`);
  return 1;
}

/** A parsed command line. Its options include {@link PLACE_FLAGS}. */
interface Parsed<Values> {
  values: Values & { help?: boolean; remote?: boolean; env?: string; "persist-to"?: string; volume?: string };
  positionals: string[];
}

/**
 * Returns the flags of a command that works on the database, and the database that they name. Returns an exit code
 * instead if the flags are wrong or ask for help, as {@link understand} does. `check` may return what is wrong with a
 * combination of flags.
 */
export function understandCommand<Values>(
  parsed: Parsed<Values> | Fault,
  usage: string,
  world: { say(text: string): void; complain(text: string): void },
  check: (parsed: Parsed<Values>) => string | undefined = () => undefined,
): (Parsed<Values> & { place: Place }) | number {
  const read = "fault" in parsed ? parsed : { ...parsed, help: parsed.values.help ?? false };
  const understood = understand(read, usage, world);
  if (typeof understood === "number") return understood;
  const { remote = false, env: environment, "persist-to": persistTo, volume } = understood.values;
  const place = { remote, persistTo, volume, environment };
  const fault = faultOfPlace(place) ?? check(understood);
  return understand(fault === undefined ? { ...understood, place } : { fault }, usage, world);
}

function faultOfPlace({ remote, persistTo, volume, environment }: Place): string | undefined {
  if (volume !== undefined && (remote || persistTo !== undefined))
    return "--volume names the database of a container: it does not go with --remote or --persist-to.";
  if (remote && persistTo !== undefined) return "--persist-to names local state: it does not go with --remote.";
  if (environment === undefined) return undefined;
  return remote ? faultOfEnvironment(environment) : "--env names a deployed environment: it goes with --remote.";
}
