/**
 * The secret of the deployed Worker. Cloudflare tells nobody what it is, so the operator brings the present one,
 * which a signing key proves, and finds the new one in a file that is there before anything changes.
 */
import { rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { SealedKey } from "../keys/signing-key-rows.ts";
import { weaknessOf } from "../platform/secret-strength.ts";
import { type DeployedSecrets, openDeployedSecrets } from "./deployed-secrets.ts";
import { freshSecret } from "./fresh-secret.ts";
import { openedBy, readSealedKeys } from "./sealed-keys.ts";
import { conclude, RETIRED, refuse, type SecretSetting, STILL_ROTATING } from "./secret-change.ts";
import type { Surroundings } from "./surroundings.ts";

const CURRENT = "AUTH_SECRET";
const PREVIOUS = "AUTH_SECRET_PREVIOUS";

/** Puts a fresh secret in the place of the deployed one. Answers the exit code. */
export async function rotateDeployed(setting: SecretSetting): Promise<number> {
  const { flags, wrangler, database, world, random } = setting;
  const deployed = openDeployedSecrets(wrangler, world);
  const names = await deployed.names();
  if ("failed" in names) return refuseFailed(names.failed, world);
  if (!names.has(CURRENT))
    return refuse("The Worker has no AUTH_SECRET yet: `npx wrangler secret put AUTH_SECRET` sets it.", world);
  if (names.has(PREVIOUS) && !flags.replacePrevious) return refuse(STILL_ROTATING, world);
  const keys = await readSealedKeys(database);
  if ("failed" in keys) return keys.failed;
  if (keys.length === 0 && !flags.unproved)
    return refuse(
      "There is no signing key yet that could prove the present secret: log in once, or say --unproved.",
      world,
    );

  const present = await askForPresent(keys, setting);
  if (typeof present === "number") return present;
  const file = resolve(process.env.INIT_CWD ?? ".", flags.out);
  const fresh = freshSecret(random);
  const unwritten = writeNew(file, `${fresh}\n`);
  if (unwritten !== undefined) return refuse(unwritten, world);

  const failed = await deployed.change({ [CURRENT]: fresh, [PREVIOUS]: present });
  // Without a previous secret before, its name tells whether the change was made.
  const isMade = failed === undefined || (await isSet(deployed, PREVIOUS, names));
  if (isMade === undefined) return leaveOpen(file, world);
  if (failed !== undefined && !isMade) {
    rmSync(file);
    return refuseFailed(failed.failed, world);
  }
  return conclude(
    "auth_secret_rotated",
    `The Worker has a fresh AUTH_SECRET, and the old one as AUTH_SECRET_PREVIOUS. Next:
  1. The new one is in ${file}, which nobody but you can read. Put it into your password manager, then
     delete the file: Cloudflare shows it to nobody, and the next rotation asks for it.
  2. The cron trigger seals the signing keys anew within 15 minutes.
  3. Once every session of before has been refreshed or has ended, which takes REFRESH_TOKEN_EXPIRE_DAYS at most:
     npm run secret:rotate -- --remote --finish
`,
    setting,
  );
}

/** Takes the previous secret from the deployed Worker. Answers the exit code. */
export async function finishDeployed(setting: SecretSetting): Promise<number> {
  const { wrangler, database, world } = setting;
  const deployed = openDeployedSecrets(wrangler, world);
  const names = await deployed.names();
  if ("failed" in names) return refuseFailed(names.failed, world);
  if (!names.has(PREVIOUS)) {
    world.say("The Worker has no AUTH_SECRET_PREVIOUS. Nothing changed.\n");
    return 0;
  }
  const keys = await readSealedKeys(database);
  if ("failed" in keys) return keys.failed;
  if (keys.length > 0) {
    const present = await world.ask("The present AUTH_SECRET: ", "known-secret");
    const opened = await openedBy(present ?? "", keys);
    const waiting = keys.filter(({ id }) => !opened.has(id)).map(({ id }) => id);
    if (waiting.length > 0)
      return refuse(
        `This secret does not open ${waiting.join(", ")}. Either it is not the present one, or the cron trigger has ` +
          "not sealed the signing keys anew yet: it does so within 15 minutes.",
        world,
      );
  }

  const failed = await deployed.change({ [PREVIOUS]: null });
  const isLeft = failed === undefined ? false : await isSet(deployed, PREVIOUS);
  if (isLeft === undefined) {
    world.complain(
      "It is not known whether AUTH_SECRET_PREVIOUS is gone. The service goes on either way: run this again.\n",
    );
    return 1;
  }
  if (failed !== undefined && isLeft) return refuseFailed(failed.failed, world);
  return conclude("auth_secret_retired", RETIRED, setting);
}

/** The present secret, once it has proved to be that and may be the previous one; or the exit code. */
async function askForPresent(keys: readonly SealedKey[], { world }: SecretSetting): Promise<string | number> {
  const isProvable = keys.length > 0;
  const present = (await world.ask("The present AUTH_SECRET: ", isProvable ? "known-secret" : "secret")) ?? "";
  if (present === "") return refuse("There is no secret to go on accepting.", world);
  // An older secret may still open an older key.
  if (isProvable && (await openedBy(present, keys.slice(-1))).size === 0)
    return refuse(
      "This is not the present secret: it does not open the newest signing key. Where nobody knows that one any more, " +
        "`npx wrangler secret put AUTH_SECRET` sets another, and everybody has to log in again.",
      world,
    );
  const weakness = weaknessOf(present);
  if (weakness !== undefined)
    return refuse(
      `The present secret ${weakness}: the service would not start with it as AUTH_SECRET_PREVIOUS. This replaces it, ` +
        `and everybody has to log in again:
  (umask 077; openssl rand -base64 48 > auth-secret.txt) && npx wrangler secret put AUTH_SECRET < auth-secret.txt
Keep it in your password manager, then delete the file: the next rotation asks for it.`,
      world,
    );
  return present;
}

/** Writes a file that was not there, for its owner alone. Answers what is in the way. */
function writeNew(file: string, text: string): string | undefined {
  try {
    writeFileSync(file, text, { flag: "wx", mode: 0o600, flush: true });
    return undefined;
  } catch (error) {
    return `The new secret can't be written (${error instanceof Error ? error.message : String(error)}).`;
  }
}

/** Whether a secret is set; `undefined` where that can't be told, or does not tell anything since it was set before. */
async function isSet(
  deployed: DeployedSecrets,
  name: string,
  before: ReadonlySet<string> = new Set(),
): Promise<boolean | undefined> {
  if (before.has(name)) return undefined;
  const names = await deployed.names();
  return "failed" in names ? undefined : names.has(name);
}

function refuseFailed(code: number, { complain }: Surroundings): number {
  complain("Cloudflare did not do it. Nothing changed.\n");
  return code;
}

function leaveOpen(file: string, { complain }: Surroundings): number {
  complain(
    `It is not known whether Cloudflare made the change. The service goes on either way, with the secrets of before or
with the new ones, which accept the old. Keep your present secret, and ${file} with the one that
may be the new one. \`npx wrangler secret list\` shows whether AUTH_SECRET_PREVIOUS is set: then it is.
`,
  );
  return 1;
}
