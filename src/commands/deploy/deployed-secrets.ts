/** The secrets of the deployed Worker: which are set, which this command makes, and which it sends with the code. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import * as z from "zod";
import { SECRET_VARIABLES } from "../../config/config.ts";
import { weaknessOf } from "../../platform/secret-strength.ts";
import { freshSecret } from "../dev-vars.ts";
import { CURRENT, PREVIOUS, writeNewSecret } from "../secrets.ts";
import type { Values } from "./questions.ts";
import { type Setting, tell } from "./setting.ts";
import { StepFailed } from "./step-failed.ts";

/** The names of the secrets that are set. `undefined` if the Worker does not exist yet. */
export async function readSecretNames({ account, cloudflare, worker }: Setting): Promise<string[] | undefined> {
  const path = `/accounts/${account}/workers/scripts/${worker}/secrets`;
  const secrets = await cloudflare.find(path, z.array(z.object({ name: z.string() })));
  return secrets?.map(({ name }) => name);
}

/** The file that keeps a new AUTH_SECRET until the operator has stored it elsewhere. Git ignores the file. */
export function authSecretPath({ file, environment }: Setting): string {
  return join(dirname(file.path), `${environment}-auth-secret.txt`);
}

/**
 * Whether the operator must give AUTH_SECRET. Without a terminal, the command makes no secret: the machine may be a
 * build server whose disk is deleted afterwards, with the only copy of the secret.
 */
export function needsAuthSecret(setting: Setting, values: Values, isSet: (name: string) => boolean): boolean {
  return !isSet(CURRENT) && !values[CURRENT] && !setting.world.isTerminal && !existsSync(authSecretPath(setting));
}

/**
 * The secrets to send with the code: the given ones, and AUTH_SECRET if the Worker has none. An AUTH_SECRET that the
 * Worker has is never replaced.
 */
export function prepareSecrets(setting: Setting, values: Values, isSet: (name: string) => boolean): Values {
  const others = SECRET_VARIABLES.filter((name) => name !== CURRENT && name !== PREVIOUS);
  const given = others.flatMap((name) => (values[name] ? [[name, values[name]]] : []));
  const names = given.map(([name]) => name);
  const sent: Values = Object.fromEntries(given);
  const kept = names.length === 0 ? "" : `${setting.isDryRun ? "would set" : "sets"} ${names.join(", ")}`;
  if (isSet(CURRENT)) {
    tell(setting, "Secrets", `${[`found ${CURRENT}`, kept].filter((text) => text !== "").join("; ")}.`);
    return sent;
  }
  const { secret, origin } = provideAuthSecret(setting, values);
  tell(setting, "Secrets", `${[origin, kept].filter((text) => text !== "").join("; ")}.`);
  return { ...sent, [CURRENT]: secret };
}

function provideAuthSecret(setting: Setting, values: Values): { secret: string; origin: string } {
  const { isDryRun, outside, world } = setting;
  const would = isDryRun ? "would set" : "sets";
  if (values[CURRENT]) return { secret: values[CURRENT], origin: `${would} ${CURRENT} from the environment` };
  const path = authSecretPath(setting);
  const shown = relative(world.root, path);
  if (existsSync(path)) return { secret: readKept(path, shown), origin: `${would} the ${CURRENT} in ${shown}` };
  const secret = freshSecret(outside.random);
  if (isDryRun)
    return {
      secret,
      origin: world.isTerminal ? `would make ${CURRENT}, and keep a copy in ${shown}` : `would need ${CURRENT}`,
    };
  mkdirSync(dirname(path), { recursive: true });
  const unwritten = writeNewSecret(path, `${secret}\n`);
  if (unwritten !== undefined) throw new StepFailed(unwritten);
  return { secret, origin: `made ${CURRENT}; ${shown} has your only copy` };
}

/** Reads the secret that an earlier run made. The file may be incomplete, because the disk may have been full then. */
function readKept(path: string, shown: string): string {
  const secret = readFileSync(path, "utf8").trim();
  const weakness = weaknessOf(secret);
  if (weakness === undefined) return secret;
  throw new StepFailed(
    `The secret in ${shown} ${weakness}. No Worker uses it: delete the file, and this command makes another.`,
  );
}

/**
 * Throws if another run has set AUTH_SECRET in the meantime. Replacing that secret would invalidate everything that was
 * made with it.
 */
export async function refuseReplacement(setting: Setting, secrets: Values): Promise<void> {
  if (secrets[CURRENT] === undefined || !(await readSecretNames(setting))?.includes(CURRENT)) return;
  const shown = relative(setting.world.root, authSecretPath(setting));
  throw new StepFailed(`Another run has deployed ${setting.worker} meanwhile, with its own ${CURRENT}, which stays.
If that run was in another folder, delete ${shown}: no Worker uses the secret in it.`);
}

/** Passes the secrets to wrangler in a file that only this user can read. Deletes the file afterwards. */
export async function withSecretsFile<Result>(secrets: Values, work: (flags: string[]) => Promise<Result>) {
  if (Object.keys(secrets).length === 0) return work([]);
  const folder = mkdtempSync(join(tmpdir(), "postern-secrets-"));
  try {
    const path = join(folder, "secrets.json");
    writeFileSync(path, JSON.stringify(secrets), { mode: 0o600 });
    return await work(["--secrets-file", path]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
