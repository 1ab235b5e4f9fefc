/** The service's values for one environment: from the process environment, the operator's file, or the operator. */
import { SECRET_VARIABLES } from "../../config/settings.ts";
import { CURRENT } from "../secrets.ts";
import { faultOfAddress, workersDevUrl } from "./account.ts";
import { needsAuthSecret } from "./deployed-secrets.ts";
import { ASKED_NAMES, askOpenQuestions, MAIL_SECRETS, takeDefaults, type Values } from "./questions.ts";
import { type Setting, tell } from "./setting.ts";
import { StepFailed } from "./step-failed.ts";

const SECRETS: readonly string[] = SECRET_VARIABLES;

/** All values, and the names that have none. Asks for them if it may; otherwise only a dry run goes on without them. */
export async function settleValues(setting: Setting, isAsking: boolean, isSet: (name: string) => boolean) {
  const { account, cloudflare, deployment, file, isDryRun, worker, world } = setting;
  const workersDev = await workersDevUrl(cloudflare, account, worker);
  const exposed = SECRETS.filter((name) => name in deployment.vars);
  if (exposed.length > 0)
    throw new StepFailed(
      `${exposed.join(", ")} must not be in ${file.shown} or wrangler.toml: remove it there, and set the environment variable instead.`,
    );
  const given = givenValues(deployment.vars, isSet);
  const check = async (name: string, value: string) =>
    name === "PUBLIC_URL" ? faultOfAddress(value, workersDev, setting) : undefined;
  const { PUBLIC_URL: url } = given;
  const fault = url !== undefined && URL.canParse(url) ? await check("PUBLIC_URL", url) : undefined;
  if (fault !== undefined) throw new StepFailed(fault);
  if (isAsking) {
    const keep = async (name: string, value: string) => {
      if (!MAIL_SECRETS.includes(name)) await file.setVar(name, value);
    };
    return { values: await askOpenQuestions(given, { world, workersDev, keep, check }), missing: [] };
  }
  const { values, missing } = takeDefaults(given, workersDev);
  if (needsAuthSecret(setting, values, isSet)) missing.push(CURRENT);
  const complaint = missing.length === 0 ? "" : howToGive(missing, file.shown, account);
  if (complaint !== "" && !isDryRun) throw new StepFailed(complaint);
  const known = `PUBLIC_URL is ${values.PUBLIC_URL}, MAIL_TRANSPORT is ${values.MAIL_TRANSPORT}.`;
  tell(setting, "Settings", complaint === "" ? known : `not complete.\n${complaint}`);
  return { values, missing };
}

/** The variables of the Worker among the values. */
export function variablesOf(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== "" && !SECRETS.includes(name)));
}

/** What is known without asking. A secret that Cloudflare has already counts as answered. */
function givenValues(vars: Record<string, unknown>, isSet: (name: string) => boolean): Values {
  // Wrangler takes tables too. They are passed on as they are.
  const simple = Object.entries(vars).filter(([, value]) => typeof value !== "object");
  const written = simple.map(([name, value]) => [name, String(value)]);
  const stored = MAIL_SECRETS.filter(isSet).map((name) => [name, ""]);
  const ofProcess = [...ASKED_NAMES, CURRENT].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  return Object.fromEntries([...written, ...stored, ...ofProcess]);
}

function howToGive(missing: readonly string[], path: string, account: string): string {
  const variables = missing.filter((name) => !SECRETS.includes(name));
  const secrets = missing.filter((name) => MAIL_SECRETS.includes(name));
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
