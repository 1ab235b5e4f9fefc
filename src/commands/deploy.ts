/**
 * `npm run deploy`: goes from `wrangler login` to a running service. Each step first checks whether it is already done.
 * So the command can be run again at any point: after a failure, after Ctrl-C, and for an upgrade.
 */
import { pause, SECOND } from "../platform/clock.ts";
import { describeError } from "../platform/log.ts";
import { systemRandom } from "../platform/random.ts";
import { chooseAccount, findLogin } from "./deploy/account.ts";
import { openCloudflare } from "./deploy/cloudflare.ts";
import { readDeployment, writeConfiguration } from "./deploy/configuration.ts";
import { prepareSecrets, readSecretNames } from "./deploy/deployed-secrets.ts";
import { openDeploymentFile } from "./deploy/deployment-file.ts";
import { faultOfEnvironment, PRODUCTION } from "./deploy/environments.ts";
import { sayWhatIsLeft } from "./deploy/left-to-do.ts";
import { applyMigrations } from "./deploy/migrations.ts";
import { faultsOf, type Values } from "./deploy/questions.ts";
import { awaitHealth, checkMainJob, uploadWorker } from "./deploy/release.ts";
import { provideResources } from "./deploy/resources.ts";
import { type Outside, type Setting, tell } from "./deploy/setting.ts";
import { StepFailed } from "./deploy/step-failed.ts";
import { settleValues, variablesOf } from "./deploy/values.ts";
import { readFlags, understand } from "./flags.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";
import { findWrangler, NOT_INSTALLED } from "./wrangler.ts";

const USAGE = `Usage: npm run deploy -- [flags]

Deploys Postern to your Cloudflare account: makes what is missing there, asks for what only you know, applies
migrations, uploads the code, and checks the service by logging in to a throw-away account. You can run it again
at any point: it continues. The guide is docs/deploy.md.

  --env <name>          the environment: production by default. Each has its own Worker, database, queues and
                        secrets, and its configuration in deployments/<name>.toml
  --dry-run             show each step and change nothing
  --yes                 ask nothing: use defaults, and list the values without a default
  --skip-smoke-test     do not log in to a throw-away account afterwards
  --help                show this text

Without a terminal it asks nothing either. Values then come from deployments/<name>.toml or from environment
variables of the same names, such as PUBLIC_URL, MAIL_TRANSPORT, MAIL_FROM and SMTP_PASSWORD.
`;

const OUTSIDE: Outside = {
  fetch: (url, request) => fetch(url, { signal: AbortSignal.timeout(30 * SECOND), ...request }),
  pause,
  random: systemRandom,
};

interface Wish {
  environment: string;
  isDryRun: boolean;
  isAsking: boolean;
  isTested: boolean;
}

/** Runs the command. Returns its exit code. */
export async function deploy(argv: readonly string[], world: Surroundings, outside = OUTSIDE): Promise<number> {
  const flag = { type: "boolean" } as const;
  const read = readFlags(argv, {
    help: { ...flag, short: "h" },
    env: { type: "string" },
    "dry-run": flag,
    yes: flag,
    "skip-smoke-test": flag,
  });
  const environment = "fault" in read ? PRODUCTION : (read.values.env ?? PRODUCTION);
  const fault = faultOfEnvironment(environment);
  const checked = "fault" in read || fault === undefined ? read : { fault };
  const flags = understand(
    "fault" in checked ? checked : { ...checked.values, help: checked.values.help ?? false },
    USAGE,
    world,
  );
  if (typeof flags === "number") return flags;
  const { "dry-run": isDryRun = false, yes = false } = flags;
  try {
    const isAsking = world.isTerminal && !yes && !isDryRun;
    const isTested = flags["skip-smoke-test"] !== true;
    return await runSteps({ environment, isDryRun, isAsking, isTested }, world, outside);
  } catch (error) {
    // Ctrl-C also makes the current call fail. Its error is not shown, because it would only confuse.
    const reason = world.stop.aborted ? "Stopped." : error instanceof StepFailed ? error.message : describeError(error);
    world.complain(`\n${reason}\n\nRun the same command again: it continues where this run ended.\n`);
    return 1;
  }
}

async function runSteps(wish: Wish, world: Surroundings, outside: Outside): Promise<number> {
  const { isDryRun, isAsking, isTested } = wish;
  const setting = await findPlace(wish, world, outside);
  const secretNames = await readSecretNames(setting);
  const isSet = (name: string) => secretNames?.includes(name) ?? false;
  const { values, missing } = await settleValues(setting, isAsking, isSet);
  const faults = missing.length === 0 ? faultsOf(values) : [];
  if (faults.length > 0) throw new StepFailed(faults.join("\n"));
  if (isAsking && !(await confirm(setting))) return 0;

  const databases = await provideResources(setting);
  const secrets = prepareSecrets(setting, values, isSet);
  const path = isDryRun ? "" : await generate(setting, values);
  await applyMigrations(setting, databases, path);
  await uploadWorker(setting, path, secrets);
  const origin = values.PUBLIC_URL === undefined ? "PUBLIC_URL" : new URL(values.PUBLIC_URL).origin;
  await awaitHealth(setting, origin);
  if (isTested) await checkMainJob(setting, origin, values.TURNSTILE_SECRET_KEY !== undefined);
  if (databases.directory !== undefined && !isDryRun)
    await sayWhatIsLeft(setting, databases.directory, values, secretNames === undefined);
  if (isDryRun) world.say("\nNothing changed.\n");
  return missing.length === 0 || world.isTerminal ? 0 : 1;
}

/** Finds wrangler's login and the Cloudflare account, and reads the environment's configuration. */
async function findPlace({ environment, isDryRun, isAsking }: Wish, world: Surroundings, outside: Outside) {
  const wrangler = findWrangler(world.root);
  if (wrangler === undefined) throw new StepFailed(NOT_INSTALLED);
  const deployment = await readDeployment(world.root, environment);
  const file = openDeploymentFile(world.root, environment);
  const cloudflare = openCloudflare(await findLogin(wrangler, world), world.stop);
  const account = await chooseAccount(cloudflare, deployment, world, isAsking);
  if (!isDryRun && deployment.account_id !== account.id) await file.set("account_id", account.id);
  const worker = deployment.name;
  const about = { world, outside, environment, isDryRun, file, wrangler, cloudflare, deployment };
  const setting: Setting = { ...about, account: account.id, worker };
  tell(setting, "Account", account.name === undefined ? account.id : `${account.name} (${account.id})`);
  tell(setting, "Environment", `${environment}: the Worker ${worker}.`);
  return setting;
}

async function confirm({ account, environment, worker, world }: Setting): Promise<boolean> {
  const question = `\nDeploy ${worker} (${environment}) to the account ${account}? [Y/n] `;
  const answer = (await world.ask(question))?.trim().toLowerCase();
  if (answer === undefined) throw new StepFailed("Stopped at a question.");
  if (answer === "" || answer.startsWith("y")) return true;
  world.say("Nothing was deployed. Your answers are kept.\n");
  return false;
}

/** Writes the configuration for wrangler, with the ids that are known by now. Returns its path. */
async function generate({ account, environment, world: { root } }: Setting, values: Values): Promise<string> {
  const deployment = await readDeployment(root, environment);
  return writeConfiguration(root, environment, { ...deployment, account_id: account }, variablesOf(values));
}

if (import.meta.main) await endWith(await deploy(process.argv.slice(2), here()));
