/**
 * `npm run dev`: runs the whole service on this machine. Needs no account and no edited files: it makes `.dev.vars`,
 * migrates the local database, starts wrangler and prints the addresses.
 */
import { dirname, join, relative, resolve } from "node:path";
import { pause } from "../platform/clock.ts";
import { describeError } from "../platform/log.ts";
import { systemRandom } from "../platform/random.ts";
import { StepFailed } from "./deploy/step-failed.ts";
import { announce } from "./dev-announcement.ts";
import { examineValues } from "./dev-configuration.ts";
import { type DevFlags, parseDevFlags } from "./dev-flags.ts";
import { type DevVarsOutcome, devVarsPath, ensureDevVars } from "./dev-vars.ts";
import { readVariables, type Variables } from "./doctor/variables.ts";
import { essentialLines } from "./essential-lines.ts";
import { giveUp, type Place, understand } from "./flags.ts";
import { migrateLocally } from "./local-migrations.ts";
import { choosePort, FIRST_PORT, isFree } from "./ports.ts";
import { inRegistry, isRegistered, nameIn, registryOf } from "./registry.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";
import { findWrangler, NOT_INSTALLED, type Wrangler } from "./wrangler.ts";

const USAGE = `Usage: npm run dev -- [flags]

Starts Postern on http://localhost:${FIRST_PORT}, or on the next port that is free.

  --port <number>       another port
  --persist-to <folder> where the state is kept (.wrangler/state)
  --var <NAME:value>    a configuration value, over .dev.vars; may be repeated
  --verbose             all that wrangler prints: also its tables, and a line for each request
  --help                this text

Every other flag goes to \`wrangler dev\` as it is.
`;

/** Runs the command. Returns its exit code: wrangler's, or 0 if the user stopped it. */
export async function dev(argv: readonly string[], world: Surroundings): Promise<number> {
  const { root, stop, complain } = world;
  const flags = understand(parseDevFlags(argv), USAGE, world);
  if (typeof flags === "number") return flags;
  const wrangler = findWrangler(root);
  if (wrangler === undefined) {
    complain(`${NOT_INSTALLED}\n`);
    return 1;
  }
  if (flags.port !== undefined && !(await isFree(flags.port, flags.host))) {
    complain(`Port ${flags.port} is taken: choose another one, or leave the flag out to get one that is free.\n`);
    return 1;
  }
  // For wrangler, the paths in flags are relative to the folder that `--cwd` names.
  const base = resolve(root, flags.folder ?? ".");
  const configuration = resolve(base, flags.config ?? "wrangler.toml");
  const folder = dirname(configuration);
  let settled: Settled;
  try {
    settled = prepareVariables(flags, folder, world);
  } catch (error) {
    // An error with `syscall` is about a file that can't be read or written.
    if (!(error instanceof Error && "syscall" in error)) throw error;
    return giveUp(unusable(error.message), world);
  }

  const { faults, adminPath } = await examineValues(configuration, flags.environment, settled.values);
  if (faults.length > 0) {
    complain(wrongValues(faults));
    return 1;
  }
  const state = flags.persistTo === undefined ? join(folder, ".wrangler", "state") : resolve(base, flags.persistTo);
  const isMigrated = await migrate({ config: configuration, environment: flags.environment, persistTo: state }, world);
  if (stop.aborted) return 0;
  if (!isMigrated) return 1;
  const registry = registryOf(state);
  const name = nameIn(configuration, flags.environment);
  if (name !== undefined && (await isRegistered(registry, name))) complain(anotherRuns(name, relative(root, registry)));
  return serve(wrangler, flags, { ...world, state: relative(root, state) || ".", registry, adminPath, ...settled });
}

function unusable(fault: string): string {
  return `${fault}
The service reads its configuration from .dev.vars. Make it a file that you can write, or write the line AUTH_SECRET=…
into it yourself: \`openssl rand -base64 48\` makes a secret.`;
}

function wrongValues(faults: readonly string[]): string {
  return `Configuration error:
${faults.map((fault) => `  ${fault}`).join("\n")}

Change it in .dev.vars, or where else it is set: --var, or [vars] in wrangler.toml. docs/configuration.md lists every
variable.
`;
}

function anotherRuns(name: string, registry: string): string {
  return `Another Worker named ${name} runs already and is registered in ${registry}. Other Workers on this machine are
bound to that one, not to this one, until it stops. To keep the two apart, start this one with a state of its own
(--persist-to <folder>) or a registry of its own (WRANGLER_REGISTRY_PATH=<folder>).
`;
}

/** What the user's own configuration sets. */
interface Settled {
  fixesPublicUrl: boolean;
  fixesEnvironment: boolean;
  /** The values that override those in wrangler.toml. */
  values: Variables;
}

/** Completes the file that wrangler will read. Returns what the user has set. */
function prepareVariables(flags: DevFlags, folder: string, { root, say }: Surroundings): Settled {
  if (flags.environmentFiles.length > 0) {
    // With `--env-file`, wrangler doesn't read .dev.vars.
    const files = flags.environmentFiles.map((file) => readVariables(resolve(folder, file)));
    return settle(Object.assign({}, ...files), flags, true);
  }
  const path = devVarsPath(folder, flags.environment);
  const told: Record<DevVarsOutcome, string> = {
    made: `Made ${relative(root, path)} with a random AUTH_SECRET.\n`,
    completed: `Added a random AUTH_SECRET to ${relative(root, path)}.\n`,
    kept: "",
  };
  say(told[ensureDevVars(path, systemRandom)]);
  // With another configuration file or a wrangler environment, the command doesn't set ENVIRONMENT.
  return settle(readVariables(path) ?? {}, flags, folder !== root || flags.environment !== undefined);
}

/** An empty value counts as missing. */
function settle(inFiles: Variables, { variables }: DevFlags, isForeign: boolean): Settled {
  const fixesPublicUrl = Boolean(variables.PUBLIC_URL ?? inFiles.PUBLIC_URL);
  const fixesEnvironment = isForeign || Boolean(inFiles.ENVIRONMENT);
  return {
    fixesPublicUrl,
    fixesEnvironment,
    values: {
      ...inFiles,
      // Only for the check of the values. The real port is chosen later, and may differ.
      ...(!fixesPublicUrl && { PUBLIC_URL: `http://localhost:${FIRST_PORT}` }),
      ...(!fixesEnvironment && { ENVIRONMENT: "development" }),
      ...variables,
    },
  };
}

/** Brings the local databases up to date. Returns whether that worked. */
async function migrate(place: Omit<Place, "remote">, world: Surroundings): Promise<boolean> {
  const { root, openD1, say, complain, stop } = world;
  say("Bringing the local database up to date …\n");
  try {
    const { DB, AUDIT_DB, dispose } = await openD1({ ...place, remote: false });
    try {
      await migrateLocally(DB, join(root, "migrations"));
      if (AUDIT_DB !== undefined) await migrateLocally(AUDIT_DB, join(root, "migrations", "audit"));
    } finally {
      await dispose();
    }
    return true;
  } catch (error) {
    // Ctrl-C also ends the local runtime, so the call may fail before the signal arrives. The pause lets it arrive.
    await pause(0);
    const reason = error instanceof StepFailed ? error.message : describeError(error);
    if (!stop.aborted) complain(`${reason}\nThe migrations could not be applied.\n`);
    return false;
  }
}

type Setting = Surroundings & Settled & { state: string; registry: string; adminPath: string | undefined };

/** Runs wrangler until it ends or the user stops it. */
async function serve(wrangler: Wrangler, flags: DevFlags, setting: Setting): Promise<number> {
  const { stop, say, complain } = setting;
  const isEssential = essentialLines();
  const show = flags.isVerbose ? undefined : (line: string) => isEssential(line) && say(`${line}\n`);
  for (let from = FIRST_PORT; ; ) {
    const port = flags.port ?? (await choosePort(from, flags.host));
    if (port === undefined) {
      complain(`No port from ${FIRST_PORT} on is free: choose one with --port.\n`);
      return 1;
    }
    if (flags.port === undefined && port !== FIRST_PORT)
      say(`Port ${FIRST_PORT} is taken: this instance uses ${port}.\n`);
    const { ready, exited } = wrangler.start(
      wranglerArguments(flags, port, setting),
      stop,
      inRegistry(setting.registry),
      show,
    );
    const first = await Promise.race([ready, exited]);
    if (typeof first !== "number") {
      await announce(first, flags, exited, setting);
      return stop.aborted ? exited.then(() => 0) : exited.then((code) => (stop.aborted ? 0 : code));
    }
    if (stop.aborted) return 0;
    // Another process may have taken the port between the check and the start: try the next one.
    const lost = flags.port === undefined && first !== 0 && !(await isFree(port, flags.host));
    if (!lost) return first;
    from = port + 1;
  }
}

/** The command line of wrangler: the user's flags, and defaults for the flags that the user did not give. */
function wranglerArguments(flags: DevFlags, port: number, settled: Settled): string[] {
  const args = ["dev", "--show-interactive-dev-session=false"];
  // With port 0, the runtime picks a free port. By default, two instances that start at once would both choose 9229.
  if (!flags.hasInspectorPort) args.push("--inspector-port=0");
  // PUBLIC_URL is the issuer in tokens, so it must have the port that was chosen.
  if (!settled.fixesPublicUrl) args.push("--var", `PUBLIC_URL:${flags.scheme}://localhost:${port}`);
  // `wrangler.toml` sets `ENVIRONMENT` to production, and a `.dev.vars` that an earlier version made may lack the
  // variable. A `--var ENVIRONMENT` of the user comes later in the arguments, so it wins.
  if (!settled.fixesEnvironment) args.push("--var", "ENVIRONMENT:development");
  return [...args, `--port=${port}`, ...flags.passed];
}

if (import.meta.main) await endWith(await dev(process.argv.slice(2), here()));
