/**
 * `npm run admin:create`: makes an account with a given email address and the superuser flag. If a verified account has
 * the address, only sets the flag of that account. A second run changes nothing.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type * as z from "zod";
import { type Config, parseConfig } from "../config/config.ts";
import { lookUpBreach } from "../passwords/breaches.ts";
import { COMMON_PASSWORDS_PATH, commonPasswordsIn } from "../passwords/common-passwords.ts";
import { createPasswordQuality, type PasswordOwner } from "../passwords/quality.ts";
import { hashPassword, nativeEngine } from "../passwords/scrypt.ts";
import { unicodeEmail } from "../platform/email-address.ts";
import { createId, systemRandom } from "../platform/random.ts";
import { isRefusal } from "../platform/refusal.ts";
import { emailAddress, username as usernameSchema } from "../users/fields.ts";
import { createProvisioningStore } from "../users/provisioning.ts";
import { createRegistrationStore } from "../users/registrations.ts";
import { createSuperuserStore } from "../users/superusers.ts";
import { NEW_USER, wasNeverProved } from "../users/user.ts";
import { type Directory, withDatabase } from "./database.ts";
import { freshSecret } from "./dev-vars.ts";
import { type Fault, giveUp, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, understandCommand } from "./flags.ts";
import { endWith, hereForSecret, type Surroundings } from "./surroundings.ts";

const COMMON_PASSWORDS = join(import.meta.dirname, "../../public", COMMON_PASSWORDS_PATH);

const USAGE = `Usage: npm run admin:create -- [flags]

Makes an account with the superuser flag, or sets the flag of the account that has this address. Asks for
what is missing. The password must satisfy the service's default rules. Only with --remote or --volume,
haveibeenpwned.com is asked whether it has leaked.

  --email <address>
  --password <text>     other users of this machine can see it: better type it when asked, or pipe it in
  --username <name>     by default made from the address
${PLACE_USAGE}
`;

/** Runs the command. Returns its exit code. */
export async function createAdmin(argv: readonly string[], world: Surroundings): Promise<number> {
  const text = { type: "string" } as const;
  const parsed = readFlags(argv, { ...PLACE_FLAGS, email: text, password: text, username: text });
  const command = understandCommand(parsed, USAGE, world, ({ values: { username } }) => {
    const named = username === undefined ? undefined : parseFlag("--username", usernameSchema, username);
    return named !== undefined && "fault" in named ? named.fault : undefined;
  });
  if (typeof command === "number") return command;
  const { values, place } = command;
  const email = parseFlag("--email", emailAddress, values.email ?? (await world.ask("Email: ")));
  if ("fault" in email) return giveUp(email.fault, world);
  const wish = { ...values, ...place, email: email.value };
  return withDatabase(place, world, (directory) => makeSuperuser(wish, directory, world));
}

/** What the operator asks for. */
interface Wish extends Place {
  email: string;
  password?: string;
  username?: string;
}

async function makeSuperuser(wish: Wish, { db, now }: Directory, world: Surroundings): Promise<number> {
  const { email } = wish;
  const shown = unicodeEmail(email);
  const registrations = createRegistrationStore(db);
  const superusers = createSuperuserStore(db);
  const event = { id: createId(now, systemRandom), occurredAt: now };
  const done = (username: string) => {
    world.say(`${shown} is a superuser now, under the username ${username}.\n`);
    return 0;
  };

  const { user } = await registrations.findCandidates({ email });
  if (user?.isActive === false)
    return giveUp(`${shown} is suspended: another superuser must reinstate the account.`, world);
  if (user?.isVerified && user.isSuperuser) {
    world.say(`${shown} is a superuser already, under the username ${user.username}. Nothing changed.\n`);
    return 0;
  }
  if (user?.isVerified) {
    if (!(await superusers.promote(user.id, event))) return changedMeanwhile(world);
    world.say("The account existed already and keeps its own password.\n");
    return done(user.username);
  }

  const isNew = user === undefined || wasNeverProved(user);
  const names = usernamesFor(wish.username, email);
  const username = isNew ? await firstFree(names) : user.username;
  if (username === undefined) return giveUp(takenMessage(names), world);
  const password = await hashGivenPassword(wish, { email, username }, world);
  if ("fault" in password) return giveUp(password.fault, world);

  // If the account exists, its address is unverified. The person who registered the account loses access: the new
  // password replaces the old one.
  const isDone =
    user === undefined
      ? await addSuperuser(username, password.hash)
      : await superusers.takeOver(user, { passwordHash: password.hash, username }, event);
  return isDone ? done(username) : changedMeanwhile(world);

  async function firstFree(candidates: readonly string[]): Promise<string | undefined> {
    for (const name of candidates) if (await superusers.isUsernameFree(name, now, user?.id)) return name;
    return undefined;
  }

  async function addSuperuser(name: string, passwordHash: string): Promise<boolean> {
    const rank = { role: "admin", isSuperuser: true, isVerified: true } as const;
    const identity = { id: createId(now, systemRandom), email, username: name, passwordHash };
    const created = { ...NEW_USER, ...identity, ...rank, createdAt: now, updatedAt: now };
    const granted = { ...event, type: "superuser_granted", details: null } as const;
    // If another request registers the address at the same moment, `add` fails. The next run takes that account over.
    const [conflict] = await createProvisioningStore(db).add([{ user: created, event: granted }], now, {
      replacesUnproved: false,
    });
    return conflict === null;
  }
}

function takenMessage(names: readonly string[]): string {
  return `The username ${names.join(" and ")} is taken: choose another one with --username.`;
}

/** Returns the parsed value, or a message that names the mistake. The message does not repeat the value. */
function parseFlag(flag: string, schema: z.ZodType<string>, text: string | undefined): { value: string } | Fault {
  if (text === undefined) return { fault: `${flag} is missing.` };
  const parsed = schema.safeParse(text);
  return parsed.success ? { value: parsed.data } : { fault: `${flag}: ${parsed.error.issues[0]?.message}` };
}

/** The usernames to try: the one that the operator gave, or two made from the address. */
function usernamesFor(given: string | undefined, email: string): string[] {
  if (given !== undefined) return [usernameSchema.parse(given)];
  const [local = ""] = email.split("@");
  const name = local.replaceAll(/[^a-z0-9._-]+/g, "-").replaceAll(/^[._-]+|[._-]+$/g, "");
  const base = usernameSchema.safeParse(name).success ? name : "admin";
  return [base, `${base.slice(0, 25)}-${createId(0, systemRandom).slice(-6)}`];
}

/** Hashes the given or typed password, or returns why the service's default rules refuse it. */
async function hashGivenPassword(
  wish: Wish,
  owner: PasswordOwner,
  { ask, say }: Surroundings,
): Promise<{ hash: string } | Fault> {
  const password = wish.password ?? (await ask("Password: ", "secret"));
  if (password === undefined) return { fault: "--password is missing." };
  const { passwords, productName } = defaultConfig(wish);
  const quality = createPasswordQuality(passwords, productName, {
    isCommon: commonPasswordsIn(readFileSync(COMMON_PASSWORDS)),
    breaches: {
      async know(text) {
        const answer = await lookUpBreach(text, passwords.breachTimeout);
        if (typeof answer === "boolean") return answer;
        say(
          `haveibeenpwned.com does not answer (${answer.noAnswer}), so it is unknown whether the password has leaked.\n`,
        );
        return undefined;
      },
    },
  });
  const checked = await quality.require("--password", password, owner);
  // If the service uses other scrypt parameters, it hashes the password again at the first login.
  if (!isRefusal(checked)) return { hash: hashPassword(password, passwords.scrypt, systemRandom, nativeEngine) };
  return { fault: `--password: ${checked.details.errors?.map(({ message }) => message).join(" ")}` };
}

/** The default configuration. For a local database, no check for leaked passwords: there may be no network. */
function defaultConfig({ remote, volume }: Place): Config {
  const breachCheck = remote || volume !== undefined ? "on" : "off";
  return parseConfig({
    ENVIRONMENT: "development",
    AUTH_SECRET: freshSecret(systemRandom),
    BREACHED_PASSWORD_CHECK: breachCheck,
  });
}

function changedMeanwhile({ complain }: Surroundings): number {
  complain("The account was changed at the same moment: run the command again.\n");
  return 1;
}

if (import.meta.main) await endWith(await createAdmin(process.argv.slice(2), hereForSecret()));
