/**
 * `npm run rollback`: makes an earlier version of the deployed Worker live again. Cloudflare keeps the versions, so
 * nothing is built or uploaded. Data and schema stay as they are.
 */
import { relative } from "node:path";
import * as z from "zod";
import { pause } from "../platform/clock.ts";
import { parseJson } from "../platform/encoding.ts";
import { configurationOf } from "./deploy/configuration.ts";
import { faultOfDeployment, faultOfEnvironment } from "./deploy/environments.ts";
import type { Outside } from "./deploy/setting.ts";
import { type Fault, giveUp, readFlags, understand } from "./flags.ts";
import { isNewer, oldestRelease } from "./rollback/contracted.ts";
import { chooseVersions, type Deployed, readDeployments } from "./rollback/deployments.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";
import { findWrangler, NOT_INSTALLED, type Wrangler } from "./wrangler.ts";

const USAGE = `Usage: npm run rollback -- [flags]

Makes the version of the deployed Worker live again that was live before the current one. Shows both and asks first.
The database, the user objects and the secrets stay as they are.

  --env <name>          the environment, as given to \`npm run deploy\`; production by default
  --to <version-id>     another version: \`npx wrangler versions list\` shows them
  --yes                 don't ask
  --help                show this text
`;

const VERSION_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** How often the command asks whether the service answers, the pause in between, and the longest wait for an answer. */
const LOOKS = 10;
const LOOK_PAUSE = 2_000;
const LOOK_MILLISECONDS = 30_000;

/** Runs the command. Returns its exit code. */
export async function rollBack(
  argv: readonly string[],
  world: Surroundings,
  outside: Pick<Outside, "fetch" | "pause"> = { fetch, pause },
): Promise<number> {
  const [flag, text] = [{ type: "boolean" }, { type: "string" }] as const;
  const read = readFlags(argv, { help: { ...flag, short: "h" }, env: text, to: text, yes: flag });
  const flags = understand(flagsOf(read), USAGE, world);
  if (typeof flags === "number") return flags;
  const wrangler = findWrangler(world.root);
  if (wrangler === undefined) return giveUp(NOT_INSTALLED, world);
  const undeployed = faultOfDeployment(world.root, flags.env);
  if (undeployed !== undefined) return giveUp(undeployed, world);
  const config = await configurationOf(world.root, flags.env);

  const listed = await wrangler.run(["deployments", "list", "--json", "--config", config], world.stop);
  const deployments = listed.code === 0 ? readDeployments(listed.output) : undefined;
  if (deployments === undefined)
    return giveUp(`${listed.output}${listed.complaints}\nCloudflare did not list the deployments.`, world);
  const versions = chooseVersions(deployments, flags.to);
  if ("fault" in versions) return giveUp(versions.fault, world);
  const { live, target } = versions;
  for (const version of live) world.say(`Live now      ${inWords(version)}\n`);
  world.say(`Becomes live  ${inWords(target)}\n`);

  const fault = await faultOfSchema(target, config, wrangler, world);
  if (fault !== undefined) return giveUp(fault, world);
  if (!flags.yes && !/^y(es)?$/i.test((await world.ask("Roll back? [y/N] ")) ?? ""))
    return giveUp("Not rolled back.", world);

  // Unlike `wrangler rollback`, this wrangler command never overrides Cloudflare's refusals.
  const deploy = ["versions", "deploy", `${target.versionId}@100%`, "--yes", "--message", "Rollback"];
  const { code, output, complaints } = await wrangler.run([...deploy, "--config", config], world.stop);
  if (code !== 0) {
    world.complain(`${output}${complaints}\n${refused(relative(world.root, config))}`);
    return 1;
  }
  world.say(`${target.versionId} is live.\n`);
  const environment = flags.env === undefined ? "" : `--env ${flags.env} `;
  const wayBack = `npm run rollback -- ${environment}--to ${live[0]?.versionId}`;
  return checkHealth(await publicUrl(config), wayBack, world, outside);
}

const refused = (config: string) => `Cloudflare did not confirm the rollback. This shows what is live:
  npx wrangler deployments status --config ${config}
Cloudflare refuses it if a secret or a class of Durable Objects has changed since that version. Then check out the
earlier release and run \`npm run deploy\`: it uploads the earlier code with today's secrets.
`;

interface Flags {
  help: boolean;
  env: string | undefined;
  to: string | undefined;
  yes: boolean;
}

function flagsOf(read: { values: Partial<Flags> } | Fault): Flags | Fault {
  if ("fault" in read) return read;
  const { env, help = false, to, yes = false } = read.values;
  const fault = env === undefined ? undefined : faultOfEnvironment(env);
  if (fault !== undefined) return { fault };
  if (to !== undefined && !VERSION_ID.test(to)) return { fault: "--to takes the id of a version: a UUID." };
  return { env, help, to, yes };
}

function inWords({ versionId, deployedAt, message }: Deployed): string {
  const words = [versionId, deployedAt === undefined ? undefined : `deployed ${deployedAt}`, message];
  return words.filter((word) => word !== undefined && word !== "").join("  ");
}

const versionSchema = z.object({ annotations: z.object({ "workers/message": z.string().optional() }).nullish() });

/** Prints that the version runs on the schema, or returns why it does not. */
async function faultOfSchema(
  { versionId }: Deployed,
  config: string,
  wrangler: Wrangler,
  { root, say, stop }: Surroundings,
): Promise<string | undefined> {
  const oldest = oldestRelease(root);
  if (oldest === undefined) {
    say("Schema        stays as it is. Every migration only adds, so every earlier version runs on it.\n");
    return undefined;
  }
  const { output } = await wrangler.run(["versions", "view", versionId, "--json", "--config", config], stop);
  const message = versionSchema.safeParse(parseJson(output)).data?.annotations?.["workers/message"];
  // `npm run deploy` writes this message.
  const [, release] = /^Postern (\d+\.\d+\.\d+)/.exec(message ?? "") ?? [];
  if (release !== undefined && isNewer(oldest.version, release))
    return `That version is release ${release}. ${oldest.migration} removed what releases before ${oldest.version} use.`;
  const which =
    release === undefined ? `make sure that it is release ${oldest.version} or newer` : `it is release ${release}`;
  say(`Schema        stays as it is. It suits releases from ${oldest.version} on: ${which}.\n`);
  return undefined;
}

async function publicUrl(config: string): Promise<string | undefined> {
  const { unstable_readConfig } = await import("wrangler");
  const { PUBLIC_URL } = unstable_readConfig({ config, env: "" }, { hideWarnings: true }).vars;
  return typeof PUBLIC_URL === "string" && PUBLIC_URL !== "" ? PUBLIC_URL : undefined;
}

async function checkHealth(
  origin: string | undefined,
  wayBack: string,
  { complain, say, stop }: Surroundings,
  outside: Pick<Outside, "fetch" | "pause">,
): Promise<number> {
  if (origin === undefined) {
    say("PUBLIC_URL is not in the configuration: ask the service's /health yourself.\n");
    return 0;
  }
  const url = `${origin.replace(/\/$/, "")}/health`;
  let answer = "";
  for (let look = 0; look < LOOKS && !stop.aborted; look++) {
    if (look > 0) await outside.pause(LOOK_PAUSE);
    const signal = AbortSignal.any([stop, AbortSignal.timeout(LOOK_MILLISECONDS)]);
    answer = await outside
      .fetch(url, { signal })
      .then(readAnswer)
      .catch((error: Error) => error.message);
    if (answer.startsWith("200 ")) {
      say(`Health        ${url} answers ${answer}\n`);
      return 0;
    }
  }
  complain(`${url} answers ${answer}\nTo return to the version before: ${wayBack}\n`);
  return 1;
}

async function readAnswer(response: Response): Promise<string> {
  return `${response.status} ${await response.text()}`;
}

if (import.meta.main) await endWith(await rollBack(process.argv.slice(2), here()));
