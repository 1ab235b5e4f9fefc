/** The secret of the service on this machine: two lines of `.dev.vars`. */
import { existsSync, readFileSync } from "node:fs";
import { devVarsPath } from "./dev-vars.ts";
import { freshSecret } from "./fresh-secret.ts";
import { openedBy, readSealedKeys } from "./sealed-keys.ts";
import { conclude, RETIRED, refuse, type SecretSetting, STILL_ROTATING } from "./secret-change.ts";
import { readSecrets, replaceFile, withoutPreviousSecret, withRotatedSecret } from "./secret-lines.ts";

const UNREADABLE =
  ".dev.vars sets a secret twice, or over several lines: give AUTH_SECRET and AUTH_SECRET_PREVIOUS one line each.";

/** Puts a fresh secret in the place of the one in `.dev.vars`. Answers the exit code. */
export async function rotateLocal(setting: SecretSetting): Promise<number> {
  const { flags, database, world, random } = setting;
  const file = readDevVars(setting);
  if (file === undefined) return refuse("There is no AUTH_SECRET in .dev.vars: `npm run dev` makes one.", world);
  if (file.previous !== "" && !flags.replacePrevious) return refuse(STILL_ROTATING, world);
  const rotated = withRotatedSecret(file.text, freshSecret(random));
  if (rotated === undefined) return refuse(UNREADABLE, world);
  const keys = await readSealedKeys(database);
  if ("failed" in keys) return keys.failed;

  replaceFile(file.path, rotated, random);
  return conclude(
    "auth_secret_rotated",
    `.dev.vars has a fresh AUTH_SECRET, and the old one as AUTH_SECRET_PREVIOUS. Next:
  1. Start \`npm run dev\` anew. Whatever was sealed under the old one is still accepted.
  2. Fire the cron trigger, which seals the signing keys anew: curl http://localhost:8787/cdn-cgi/handler/scheduled
  3. Once every session of before has been refreshed or has ended: npm run secret:rotate -- --finish
`,
    setting,
  );
}

/** Takes the previous secret out of `.dev.vars`. Answers the exit code. */
export async function finishLocal(setting: SecretSetting): Promise<number> {
  const { database, world, random } = setting;
  const file = readDevVars(setting);
  if (file === undefined || file.previous === "") {
    world.say("There is no AUTH_SECRET_PREVIOUS in .dev.vars. Nothing changed.\n");
    return 0;
  }
  const finished = withoutPreviousSecret(file.text);
  if (finished === undefined) return refuse(UNREADABLE, world);
  const keys = await readSealedKeys(database);
  if ("failed" in keys) return keys.failed;
  const [kept, dying] = await Promise.all([openedBy(file.current, keys), openedBy(file.previous, keys)]);
  const waiting = [...dying].filter((id) => !kept.has(id));
  if (waiting.length > 0)
    return refuse(
      `AUTH_SECRET_PREVIOUS alone opens ${waiting.join(", ")}: start the service, and fire the cron trigger, which ` +
        "seals signing keys anew: curl http://localhost:8787/cdn-cgi/handler/scheduled",
      world,
    );

  replaceFile(file.path, finished, random);
  return conclude("auth_secret_retired", `${RETIRED}Start \`npm run dev\` anew.\n`, setting);
}

/** `.dev.vars`, where there is one that sets a secret. */
function readDevVars({ world }: SecretSetting) {
  const path = devVarsPath(world.root);
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "utf8");
  const { current, previous } = readSecrets(text);
  return current === "" ? undefined : { path, text, current, previous };
}
