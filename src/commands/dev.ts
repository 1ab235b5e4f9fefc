/**
 * `npm run dev`: the whole service on this machine, without an account and without editing files. It makes
 * `.dev.vars`, migrates the local database, starts wrangler and prints the addresses.
 */
import { dirname, join, relative, resolve } from "node:path";
import { pause, SECOND } from "../platform/clock.ts";
import { type Random, systemRandom } from "../platform/random.ts";
import { type DevFlags, parseDevFlags } from "./dev-flags.ts";
import { type DevVarsOutcome, devVarsPath, ensureDevVars, isSetIn } from "./dev-vars.ts";
import { giveUp, understand } from "./flags.ts";
import { choosePort, FIRST_PORT, isFree } from "./ports.ts";
import { inRegistry, isRegistered, nameIn, registryOf } from "./registry.ts";
import { here, type Surroundings } from "./surroundings.ts";
import { findWrangler, NOT_INSTALLED, type Ready, type Wrangler } from "./wrangler.ts";

const USAGE = `Usage: npm run dev -- [flags]

Starts Postern on http://localhost:${FIRST_PORT}, or on the next port that is free.

  --port <number>       another port
  --persist-to <folder> where the state is kept (.wrangler/state)
  --var <NAME:value>    a configuration value, over .dev.vars; may be repeated
  --help                this text

Every other flag goes to \`wrangler dev\` as it is.
`;

/** How long a started service may take to become healthy before the command reports it. */
const PATIENCE = 15 * SECOND;
const POLL_PAUSE = 200;
/** Answers 200 once the storage does too. */
const READY = "/health/ready";
const WILDCARDS = new Set(["0.0.0.0", "[::]", "::", "*"]);

/** Runs the command. Returns its exit code: wrangler's, or 0 if the user stopped it. */
export async function dev(
  argv: readonly string[],
  world: Surroundings,
  random: Random = systemRandom,
): Promise<number> {
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
  const configuration = resolve(root, flags.config ?? "wrangler.toml");
  const folder = dirname(configuration);
  let settled: Settled;
  try {
    settled = prepareVariables(flags, folder, world, random);
  } catch (error) {
    // A file that can't be read or written.
    if (!(error instanceof Error && "syscall" in error)) throw error;
    return giveUp(unusable(error.message), world);
  }

  const failed = await migrate(wrangler, flags, world);
  if (stop.aborted) return 0;
  if (failed !== undefined) return failed;
  const state = flags.persistTo === undefined ? join(folder, ".wrangler", "state") : resolve(root, flags.persistTo);
  const registry = registryOf(state);
  const name = nameIn(configuration, flags.environment);
  if (name !== undefined && (await isRegistered(registry, name))) complain(anotherRuns(name, relative(root, registry)));
  return serve(wrangler, flags, { ...world, state: relative(root, state) || ".", registry, ...settled });
}

function unusable(fault: string): string {
  return `${fault}
The service reads its configuration from .dev.vars. Make it a file that you can write, or write the line AUTH_SECRET=…
into it yourself: \`openssl rand -base64 48\` makes a secret.`;
}

function anotherRuns(name: string, registry: string): string {
  return `Another Worker named ${name} runs already and is registered in ${registry}. Other Workers on this machine are
bound to that one, not to this one, until it stops. To keep the two apart, start this one with a state of its own
(--persist-to <folder>) or a registry of its own (WRANGLER_REGISTRY_PATH=<folder>).
`;
}

/** Which values the user's own configuration sets. */
interface Settled {
  fixesPublicUrl: boolean;
  fixesEnvironment: boolean;
}

/** Completes the file that wrangler will read. Returns which values the user has set. */
function prepareVariables(flags: DevFlags, folder: string, { root, say }: Surroundings, random: Random): Settled {
  if (flags.environmentFiles.length > 0) {
    // With these, wrangler reads no .dev.vars.
    const files = flags.environmentFiles.map((file) => resolve(folder, file));
    return { fixesPublicUrl: flags.hasPublicUrl || isSetIn(files, "PUBLIC_URL"), fixesEnvironment: true };
  }
  const path = devVarsPath(folder, flags.environment);
  const told: Record<DevVarsOutcome, string> = {
    made: `Made ${relative(root, path)} with a random AUTH_SECRET.\n`,
    completed: `Added a random AUTH_SECRET to ${relative(root, path)}.\n`,
    kept: "",
  };
  say(told[ensureDevVars(path, random)]);
  return {
    fixesPublicUrl: flags.hasPublicUrl || isSetIn([path], "PUBLIC_URL"),
    // The command leaves ENVIRONMENT to another configuration or environment of wrangler.
    fixesEnvironment: folder !== root || flags.environment !== undefined || isSetIn([path], "ENVIRONMENT"),
  };
}

/** Brings the local database up to date. Returns the exit code of a failure. */
async function migrate(
  wrangler: Wrangler,
  flags: DevFlags,
  { stop, say, complain }: Surroundings,
): Promise<number | undefined> {
  say("Bringing the local database up to date …\n");
  const args = ["d1", "migrations", "apply", "DB", "--local", ...flags.forMigrations];
  let finished = await wrangler.run(args, stop);
  // Another instance on the same folder may have applied the same migration a moment before.
  if (finished.code !== 0 && !stop.aborted) finished = await wrangler.run(args, stop);
  if (finished.code === 0) return undefined;
  if (!stop.aborted) complain(`${finished.output}${finished.complaints}\nThe migrations could not be applied.\n`);
  return finished.code;
}

type Setting = Surroundings & Settled & { state: string; registry: string };

/** Serves until wrangler ends or the user stops it. */
async function serve(wrangler: Wrangler, flags: DevFlags, setting: Setting): Promise<number> {
  const { stop, say, complain } = setting;
  for (let from = FIRST_PORT; ; ) {
    const port = flags.port ?? (await choosePort(from, flags.host));
    if (port === undefined) {
      complain(`No port from ${FIRST_PORT} on is free: choose one with --port.\n`);
      return 1;
    }
    if (flags.port === undefined && port !== FIRST_PORT)
      say(`Port ${FIRST_PORT} is taken: this instance takes ${port}.\n`);
    const { ready, exited } = wrangler.start(
      wranglerArguments(flags, port, setting),
      stop,
      inRegistry(setting.registry),
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

/** The command line of wrangler: what the user gave, and defaults for the rest. */
function wranglerArguments(flags: DevFlags, port: number, settled: Settled): string[] {
  const args = ["dev", "--show-interactive-dev-session=false"];
  // 0: the runtime picks a free one. Two instances that start at once would both choose 9229.
  if (!flags.hasInspectorPort) args.push("--inspector-port=0");
  // The issuer of the tokens is the address of the service.
  if (!settled.fixesPublicUrl) args.push("--var", `PUBLIC_URL:${flags.scheme}://localhost:${port}`);
  // wrangler.toml sets production, and an older .dev.vars may lack ENVIRONMENT. A --var of the user comes later and
  // wins.
  if (!settled.fixesEnvironment) args.push("--var", "ENVIRONMENT:development");
  return [...args, `--port=${port}`, ...flags.passed];
}

/** Waits until the service answers, and says where everything is. */
async function announce(
  { hostname, port }: Ready,
  flags: DevFlags,
  exited: Promise<number>,
  setting: Setting,
): Promise<void> {
  const origin = `${flags.scheme}://${WILDCARDS.has(hostname) ? "localhost" : hostname}:${port}`;
  let ended = false;
  const end = exited.then(() => {
    ended = true;
  });
  // With a self-signed certificate the health check would fail, so wrangler's message must do.
  for (let waited = 0; flags.scheme === "http" && !(await isHealthy(origin)); waited += POLL_PAUSE) {
    if (waited === PATIENCE) setting.complain(`${origin}${READY} does not answer as it should. Still waiting.\n`);
    await Promise.race([end, pause(POLL_PAUSE)]);
    if (ended || setting.stop.aborted) return;
  }
  setting.say(banner(origin, setting.state, relative(setting.root, setting.registry)));
}

async function isHealthy(origin: string): Promise<boolean> {
  try {
    return (await fetch(`${origin}${READY}`, { signal: AbortSignal.timeout(5 * SECOND) })).ok;
  } catch {
    return false;
  }
}

/** What the user needs to know once everything runs. */
export function banner(origin: string, state: string, registry: string): string {
  return `
Postern is running.

  API      ${origin}/api/v1
  Pages    ${origin}/login  (for people: log in, register, manage an account)
  Docs     ${origin}/docs
  Outbox   ${origin}/dev/outbox  (the emails that would have been sent)
  Health   ${origin}/health
  State    ${state}  (delete it to start over)
  Registry ${registry}  (where other Workers find this one: WRANGLER_REGISTRY_PATH)

Ctrl-C stops it.

`;
}

if (import.meta.main) process.exitCode = await dev(process.argv.slice(2), here());
