/** The service's values for one environment: from the process environment, the operator's file, or the operator. */
import * as z from "zod";
import { SECRET_VARIABLES } from "../../config/config.ts";
import { CURRENT, PREVIOUS } from "../secrets.ts";
import { faultOfAddress, workersDevUrl } from "./account.ts";
import { needsAuthSecret } from "./deployed-secrets.ts";
import { ASKED_NAMES, ASKED_SECRETS, askOpenQuestions, takeDefaults, type Values } from "./questions.ts";
import { type Setting, tell } from "./setting.ts";
import { StepFailed } from "./step-failed.ts";

const SECRETS: readonly string[] = SECRET_VARIABLES;

/** The values that can come from environment variables. AUTH_SECRET_PREVIOUS can't: only `secret:rotate` sets it. */
const GIVEN_NAMES = new Set([...ASKED_NAMES, ...SECRETS.filter((name) => name !== PREVIOUS)]);

/**
 * Finds all values. Asks for the missing ones if `isAsking`; if not, takes defaults, and throws if a value has no
 * default. A dry run does not throw, but lists the names of these values in `missing`.
 */
export async function settleValues(setting: Setting, isAsking: boolean, isSet: (name: string) => boolean) {
  const { account, cloudflare, deployment, file, isDryRun, worker, world } = setting;
  const workersDev = await workersDevUrl(cloudflare, account, worker);
  const exposed = SECRETS.filter((name) => name in deployment.vars);
  if (exposed.length > 0)
    throw new StepFailed(
      `${exposed.join(", ")} must not be in ${file.shown} or wrangler.toml: remove it there, and set the environment variable instead.`,
    );
  const live = await readLiveVariables(setting);
  // If the operator's file lacks a value, keep the deployed Worker's. The most important value is the address, which is
  // the issuer of all tokens.
  const found = Object.entries(live).filter(([name]) => ASKED_NAMES.includes(name) && !deployment.vars[name]);
  const given = givenValues({ ...deployment.vars, ...Object.fromEntries(found) }, isSet);
  const check = async (name: string, value: string) =>
    name === "PUBLIC_URL" ? faultOfAddress(value, workersDev, setting) : undefined;
  const { PUBLIC_URL: url } = given;
  const fault = url !== undefined && URL.canParse(url) ? await check("PUBLIC_URL", url) : undefined;
  if (fault !== undefined) throw new StepFailed(fault);
  if (isAsking) {
    const keep = async (name: string, value: string) => {
      if (!ASKED_SECRETS.includes(name)) await file.setVar(name, value);
    };
    for (const [name, value] of found) await keep(name, value);
    const values = await askOpenQuestions(given, { world, workersDev, keep, check });
    sayWhatGoes(setting, live, values);
    return { values, missing: [] };
  }
  const { values, missing } = takeDefaults(given, workersDev);
  if (needsAuthSecret(setting, values, isSet)) missing.push(CURRENT);
  const open =
    isDryRun && world.isTerminal
      ? `\`npm run deploy\` asks for ${missing.join(", ")}.`
      : howToGive(missing, file.shown, account);
  const complaint = missing.length === 0 ? "" : open;
  if (complaint !== "" && !isDryRun) throw new StepFailed(complaint);
  const known = `PUBLIC_URL is ${values.PUBLIC_URL}, MAIL_TRANSPORT is ${values.MAIL_TRANSPORT}.`;
  tell(setting, "Settings", complaint === "" ? known : `not complete.\n${complaint}`);
  sayWhatGoes(setting, live, values);
  return { values, missing };
}

/** The variables of the deployed Worker. An upload replaces all of them. */
async function readLiveVariables({ account, cloudflare, worker }: Setting): Promise<Values> {
  const settings = await cloudflare.find(`/accounts/${account}/workers/scripts/${worker}/settings`, settingsSchema);
  const bindings = settings?.bindings ?? [];
  return Object.fromEntries(bindings.flatMap(({ type, name, text }) => (type === "plain_text" ? [[name, text]] : [])));
}

const settingsSchema = z.object({
  bindings: z.array(z.object({ type: z.string(), name: z.string(), text: z.string().default("") })),
});

function sayWhatGoes(setting: Setting, live: Values, values: Values): void {
  const { file, isDryRun } = setting;
  const going = Object.keys(live).filter((name) => live[name] !== "" && values[name] === undefined);
  if (going.length > 0)
    tell(
      setting,
      "Variables",
      `${isDryRun ? "would remove" : "removes"} ${going.join(", ")}: the Worker has them, ${file.shown} does not.`,
    );
}

/** The values that are variables of the Worker, and not secrets. */
export function variablesOf(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== "" && !SECRETS.includes(name)));
}

/** The values that are known without asking. A secret that is already set at Cloudflare counts as answered. */
function givenValues(vars: Record<string, unknown>, isSet: (name: string) => boolean): Values {
  // A variable can also be a table. Such variables are passed on unchanged.
  const simple = Object.entries(vars).filter(([, value]) => typeof value !== "object");
  const written = simple.map(([name, value]) => [name, String(value)]);
  const stored = ASKED_SECRETS.filter(isSet).map((name) => [name, ""]);
  const ofProcess = [...GIVEN_NAMES].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  return Object.fromEntries([...written, ...stored, ...ofProcess]);
}

function howToGive(missing: readonly string[], path: string, account: string): string {
  const variables = missing.filter((name) => !SECRETS.includes(name));
  const secrets = missing.filter((name) => ASKED_SECRETS.includes(name));
  const lines = [
    ...variables.map((name) => `${name} is missing: put it under [vars] in ${path}, or set the environment variable.`),
    ...secrets.map((name) => `${name} is missing: set the environment variable. It becomes a secret of the Worker.`),
    ...(missing.includes(CURRENT) ? [NO_PLACE_FOR_SECRET] : []),
    ...(missing.includes("PUBLIC_URL")
      ? [
          `For an address on workers.dev, first choose your subdomain: https://dash.cloudflare.com/${account}/workers/onboarding`,
        ]
      : []),
  ];
  return lines.join("\n");
}

const NO_PLACE_FOR_SECRET = `${CURRENT} is missing. Cloudflare never shows a secret again, and without a terminal the only copy could be lost.
Make one with \`openssl rand -base64 48\`, store it, and set the environment variable.`;
