/**
 * `npm run secret:rotate`: replaces AUTH_SECRET. Keeps the old secret as AUTH_SECRET_PREVIOUS until `--finish`, so that
 * the service still accepts everything that was made with the old secret.
 */
import { resolve } from "node:path";
import { createAuditEventStore } from "../audit/event-store.ts";
import { type AuditEventType, NO_REQUEST } from "../audit/event-types.ts";
import { createSecrets } from "../platform/crypto.ts";
import { createId, systemRandom } from "../platform/random.ts";
import { weaknessOf } from "../platform/secret-strength.ts";
import { createFactorKeyStore } from "../users/factor-keys.ts";
import { type Directory, withDatabase } from "./database.ts";
import { freshSecret } from "./dev-vars.ts";
import { type Fault, giveUp, PLACE_FLAGS, PLACE_USAGE, readFlags, understandCommand } from "./flags.ts";
import { openedBy, readTrustedKeys } from "./secret-proof.ts";
import {
  CURRENT,
  openDeployedSecrets,
  openLocalSecrets,
  PREVIOUS,
  type SecretStore,
  writeNewSecret,
} from "./secrets.ts";
import { endWith, hereForSecret, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run secret:rotate -- [flags]

Sets a new AUTH_SECRET and keeps the current one as AUTH_SECRET_PREVIOUS, which is still accepted. Locally it
changes .dev.vars. With --remote it changes the secrets of the deployed Worker, and asks for the current one
(or reads it from a pipe), because Cloudflare does not show it. It does not change a container's secret, which
is in variables of the container: docs/container.md says how to rotate that one.

  --finish              remove AUTH_SECRET_PREVIOUS. This ends everything made with the old secret: sessions
                        that were not refreshed since the rotation, and emailed links that were not used since
  --out <file>          with --remote: a new file for the new secret
${PLACE_USAGE}
`;

const STILL_ROTATING =
  "AUTH_SECRET_PREVIOUS is still set: another rotation would end everything made with that secret. Finish that rotation first: --finish.";

const OF_A_CONTAINER =
  "The secret of a container is in its own variables, which this command can't change: docs/container.md says how to rotate it.";

const CRON = "curl http://localhost:8787/cdn-cgi/handler/scheduled";

interface Setting extends Directory {
  /** The path of a new file for the new secret of a deployed Worker. */
  out: string | undefined;
  secrets: SecretStore;
  environment: string | undefined;
  world: Surroundings;
}

/** Runs the command. Returns its exit code. */
export async function rotateSecret(argv: readonly string[], world: Surroundings): Promise<number> {
  const parsed = readFlags(argv, { ...PLACE_FLAGS, finish: { type: "boolean" }, out: { type: "string" } });
  const command = understandCommand(parsed, USAGE, world, ({ values }) => {
    if (values.volume !== undefined) return OF_A_CONTAINER;
    const makesDeployed = values.remote === true && values.finish !== true;
    if (makesDeployed)
      return values.out ? undefined : "--out <file> is missing: Cloudflare does not show the new secret.";
    return values.out ? "--out goes with --remote, and not with --finish, which makes no secret." : undefined;
  });
  if (typeof command === "number") return command;
  const { place } = command;
  const out = place.remote ? command.values.out : undefined;
  const change = command.values.finish ? finish : rotate;
  const secrets = place.remote
    ? await openDeployedSecrets(world, place.environment)
    : openLocalSecrets(world, systemRandom);
  if (secrets === undefined) return 1;
  return withDatabase(place, world, (directory) =>
    change({ ...directory, out, secrets, environment: place.environment, world }),
  );
}

async function rotate(setting: Setting): Promise<number> {
  const { out, secrets, world } = setting;
  const before = await secrets.read();
  if (before === undefined) return 1;
  if (!before.has(CURRENT)) return giveUp(`There is no ${CURRENT} yet: ${secrets.howToMake}`, world);
  if (before.has(PREVIOUS)) return giveUp(STILL_ROTATING, world);
  // Read the database first: if that fails, the command must end before it has changed a secret.
  await readTrustedKeys(setting.db);
  const current = before.get(CURRENT) ?? (await askForCurrent(setting));
  if (typeof current !== "string") return giveUp(current.fault, world);

  const fresh = freshSecret(systemRandom);
  const file = out === undefined ? undefined : resolve(process.env.INIT_CWD ?? ".", out);
  // Write the file first: it is the operator's only copy of the secret.
  const unwritten = file && writeNewSecret(file, `${fresh}\n`);
  if (unwritten) return giveUp(unwritten, world);
  if (!(await secrets.change({ [CURRENT]: fresh, [PREVIOUS]: current }))) {
    if (file !== undefined)
      world.complain(`If it is set, the new secret is in ${file}. If not, delete that file and run this again.
Keep the current secret until you know.\n`);
    return 1;
  }
  return conclude(
    "auth_secret_rotated",
    file === undefined ? ROTATED_HERE : rotatedThere(file, setting.environment),
    setting,
  );
}

const ROTATED_HERE = `.dev.vars has a fresh AUTH_SECRET, and the old one as AUTH_SECRET_PREVIOUS. Next:
  1. Restart \`npm run dev\`. Everything made with the old secret is still accepted.
  2. Run the cron trigger, which seals the signing keys with the new secret: ${CRON}
  3. When every older session has been refreshed or has ended: npm run secret:rotate -- --finish
`;

function rotatedThere(file: string, environment: string | undefined): string {
  const flags = environment === undefined ? "--remote" : `--remote --env ${environment}`;
  return `The Worker has a fresh AUTH_SECRET, and the old one as AUTH_SECRET_PREVIOUS. Next:
  1. The new one is in ${file}, which only you can read. Copy it to your password manager, then
     delete the file: Cloudflare does not show it, and the next rotation asks for it.
  2. The cron trigger seals the signing keys with the new secret within two minutes.
  3. When every older session has been refreshed or has ended, after REFRESH_TOKEN_EXPIRE_DAYS at most:
     npm run secret:rotate -- ${flags} --finish
`;
}

async function finish(setting: Setting): Promise<number> {
  const { db, secrets, world } = setting;
  const before = await secrets.read();
  if (before === undefined) return 1;
  if (!before.has(PREVIOUS)) {
    world.say(`${PREVIOUS} is not set. Nothing changed.\n`);
    return 0;
  }
  const keys = await readTrustedKeys(db);
  const previous = before.get(PREVIOUS);
  const current = before.get(CURRENT) ?? (keys.length > 0 ? await world.ask(QUESTION, "known-secret") : "");
  const kept = await openedBy(current ?? "", keys);
  const dying = previous === undefined ? keys : await openedBy(previous, keys);
  const waiting = dying.filter((key) => !kept.includes(key)).map(({ id }) => id);
  if (waiting.length > 0)
    return giveUp(
      previous === undefined
        ? `This secret does not open ${waiting.join(", ")}. Either it is not the current one, or the cron trigger has not ` +
            "sealed the signing keys with it yet: it does so within two minutes."
        : `${PREVIOUS} alone opens ${waiting.join(", ")}: start the service, then run the cron trigger, which seals ` +
            `the signing keys with the new secret: ${CRON}`,
      world,
    );

  if (current && (await hasForeignFactorKeys(db, current)))
    return giveUp(
      "Second factors of users are still sealed with the old secret, or neither secret opens them: start the service, then " +
        `run the cron trigger, which seals them with the new one: ${CRON}. The log names those that can't be opened ` +
        "(`factor_key_unreadable`): remove the second factors of these users.",
      world,
    );

  if (!(await secrets.change({ [PREVIOUS]: null }))) return 1;
  return conclude(
    "auth_secret_retired",
    `AUTH_SECRET_PREVIOUS is gone. Sessions that were not refreshed since the rotation have ended, and links from emails
that were not used since no longer work: their owners log in again, or request another link.
${previous === undefined ? "" : "Restart `npm run dev`.\n"}`,
    setting,
  );
}

/** Whether users have factor keys that another secret has sealed. */
async function hasForeignFactorKeys(db: Directory["db"], current: string): Promise<boolean> {
  const left = await createFactorKeyStore(db).listSealedByOthers(createSecrets(current).name, "", 1);
  return left.length > 0;
}

const QUESTION = "The current AUTH_SECRET: ";

/** Asks for the deployed Worker's current secret. It must open the newest signing key, and be strong enough. */
async function askForCurrent({ db, secrets, world }: Setting): Promise<string | Fault> {
  const keys = await readTrustedKeys(db);
  if (keys.length === 0)
    return { fault: "There is no signing key yet that could prove the current secret: log in once." };
  const current = (await world.ask(QUESTION, "known-secret")) ?? "";
  // Only the newest key proves that the secret is current: an older secret may still open an older key.
  if ((await openedBy(current, keys.slice(-1))).length === 0)
    return {
      fault:
        "This is not the current secret: it does not open the newest signing key. If the current one is lost, " +
        `\`${secrets.howToReplace}\` sets another, and all users have to log in again.`,
    };
  const weakness = weaknessOf(current);
  if (weakness === undefined) return current;
  return {
    fault: `The current secret ${weakness}: the service would not start with it as AUTH_SECRET_PREVIOUS. This replaces it, \
and all users have to log in again:
  (umask 077; openssl rand -base64 48 > auth-secret.txt) && ${secrets.howToReplace} < auth-secret.txt
Copy it to your password manager, then delete the file: the next rotation asks for it.`,
  };
}

/** Describes the change and writes an audit event. If that fails, the secret stays changed. */
async function conclude(type: AuditEventType, words: string, { db, now, world }: Setting): Promise<number> {
  world.say(words);
  const origin = { actorId: null, userId: null, ...NO_REQUEST, details: null };
  try {
    await createAuditEventStore(db).add([{ id: createId(now, systemRandom), type, occurredAt: now, ...origin }]);
    return 0;
  } catch {
    world.complain("The secret has changed, but the audit log could not be written.\n");
    return 1;
  }
}

if (import.meta.main) await endWith(await rotateSecret(process.argv.slice(2), hereForSecret()));
