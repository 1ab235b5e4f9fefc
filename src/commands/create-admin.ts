/**
 * `npm run admin:create`: makes somebody a superuser, who then makes others what they are to be. The only way
 * to the first one: a fresh directory lets nobody in. Twice does no more than once.
 */
import * as z from "zod";
import { environment } from "../config/config.ts";
import { lookUpBreach } from "../passwords/breaches.ts";
import { createPasswordQuality, type PasswordOwner } from "../passwords/quality.ts";
import { hashPassword, nativeEngine } from "../passwords/scrypt.ts";
import { createId, type Random, systemRandom } from "../platform/random.ts";
import { isRefusal } from "../platform/refusal.ts";
import { emailAddress, username as usernameSchema } from "../users/fields.ts";
import { accountQuery, creation, promotion, situationQuery, takeover } from "./admin-statements.ts";
import { type CommandDatabase, openCommandDatabase } from "./database.ts";
import { type Fault, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, readPlace, understand } from "./flags.ts";
import { here, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run admin:create -- [flags]

Makes an account with the superuser flag, or sets the flag of the account that the address has. Asks for
what is missing. The password is judged as everywhere; whether it has leaked is asked of
haveibeenpwned.com with --remote alone.

  --email <address>
  --password <text>     others on this machine can see it: better type it when asked, or pipe it in
  --username <name>     made from the address where it is left out
${PLACE_USAGE}
`;

export interface AdminFlags extends Place {
  help: boolean;
  email: string | undefined;
  password: string | undefined;
  username: string | undefined;
}

/** An account as the command needs to know it. */
const accountSchema = z.object({
  id: z.string(),
  username: z.string(),
  is_active: z.number(),
  is_verified: z.number(),
  is_superuser: z.number(),
});

const rows = <Row extends z.ZodType>(row: Row) => z.object({ results: z.array(row) });
const situation = z.tuple([rows(accountSchema), rows(z.object({ username: z.string() }))]);

/** Runs the command. Answers its exit code. */
export async function createAdmin(
  argv: readonly string[],
  world: Surroundings,
  random: Random = systemRandom,
): Promise<number> {
  const { ask, say } = world;
  const flags = understand(parseAdminFlags(argv), USAGE, world);
  if (typeof flags === "number") return flags;
  const database = openCommandDatabase(flags, world);
  if (database === undefined) return 1;

  const email = judge("--email", emailAddress, flags.email ?? (await ask("Email: ")));
  if ("fault" in email) return refuse(email, world);
  const names = usernamesFor(flags.username, email.value, random);
  const found = await database.query(situationQuery(email.value, names), situation);
  if ("failed" in found) return found.failed;
  const [{ results: accounts }, { results: taken }] = found;
  const [account] = accounts;

  if (account !== undefined && account.is_active === 0)
    return refuse({ fault: `${email.value} is suspended: another superuser has to reinstate the account.` }, world);
  if (account?.is_verified === 1 && account.is_superuser === 1) {
    say(`${email.value} is a superuser already, under the username ${account.username}. Nothing changed.\n`);
    return 0;
  }
  if (account?.is_verified === 1) {
    const code = await apply(promotion(account.id, random), email.value, database, world);
    if (code === 0) say("The account was there already and keeps its own password.\n");
    return code;
  }

  const username = names.find((name) => !taken.some((other) => other.username === name.toLowerCase()));
  if (account === undefined && username === undefined)
    return refuse(
      { fault: `The username ${names.join(" and ")} is taken: choose another one with --username.` },
      world,
    );
  const typed = flags.password ?? (await ask("Password: ", "secret"));
  const owner = { email: email.value, username: account?.username ?? username };
  const password = await judgePassword(typed, owner, flags, world);
  if ("fault" in password) return refuse(password, world);
  const hash = hashPassword(password.value, defaultCost(), random, nativeEngine);
  const statements =
    account === undefined
      ? creation({ email: email.value, username: username ?? "", hash }, random)
      : takeover(account.id, hash, random);
  return apply(statements, email.value, database, world);
}

/** Reads the flags strictly. */
export function parseAdminFlags(argv: readonly string[]): AdminFlags | Fault {
  const text = { type: "string" } as const;
  const parsed = readFlags(argv, { ...PLACE_FLAGS, email: text, password: text, username: text });
  if ("fault" in parsed) return parsed;
  const { help = false, remote, "persist-to": persistTo, email, password, username } = parsed.values;
  const place = readPlace(remote, persistTo);
  if ("fault" in place) return place;
  const named = username === undefined ? undefined : judge("--username", usernameSchema, username);
  if (named !== undefined && "fault" in named) return named;
  return { help, email, password, username, ...place };
}

/** A value that is as it should be, or what is wrong with it, without the value. */
function judge(flag: string, schema: z.ZodType<string>, text: string | undefined): { value: string } | Fault {
  if (text === undefined) return { fault: `${flag} is missing.` };
  const parsed = schema.safeParse(text);
  return parsed.success ? { value: parsed.data } : { fault: `${flag}: ${parsed.error.issues[0]?.message}` };
}

/** A password that may be set by the rules that the service has unless it is configured otherwise. */
async function judgePassword(
  password: string | undefined,
  owner: PasswordOwner,
  { remote }: Place,
  { say }: Surroundings,
): Promise<{ value: string } | Fault> {
  if (password === undefined) return { fault: "--password is missing." };
  const { PASSWORD_MIN_LENGTH, PASSWORD_MAX_LENGTH, PRODUCT_NAME, BREACHED_PASSWORD_TIMEOUT_MILLISECONDS } =
    environment.shape;
  const rules = {
    minimumLength: PASSWORD_MIN_LENGTH.parse(undefined),
    maximumLength: PASSWORD_MAX_LENGTH.parse(undefined),
    // Like the service itself: a directory to try things out on may be offline.
    breachCheck: remote ? ("on" as const) : ("off" as const),
  };
  const quality = createPasswordQuality(rules, PRODUCT_NAME.parse(undefined), {
    async know(text) {
      const answer = await lookUpBreach(text, BREACHED_PASSWORD_TIMEOUT_MILLISECONDS.parse(undefined));
      if (typeof answer === "boolean") return answer;
      say(`haveibeenpwned.com does not answer (${answer.noAnswer}): nobody knows whether the password has leaked.\n`);
      return undefined;
    },
  });
  const judged = await quality.require("--password", password, owner);
  if (!isRefusal(judged)) return { value: password };
  return { fault: `--password: ${judged.details.errors?.map(({ message }) => message).join(" ")}` };
}

function refuse({ fault }: Fault, { complain }: Surroundings): number {
  complain(`${fault} Nothing changed.\n`);
  return 1;
}

/** What the account may be called, best first: as asked for, or after the address. */
function usernamesFor(given: string | undefined, email: string, random: Random): string[] {
  if (given !== undefined) return [given];
  const [local = ""] = email.split("@");
  const name = local.replaceAll(/[^a-z0-9._-]+/g, "-").replaceAll(/^[._-]+|[._-]+$/g, "");
  const suffix = createId(0, random).slice(-6);
  const base = usernameSchema.safeParse(name).success ? name : "admin";
  return [base, `${base.slice(0, 25)}-${suffix}`];
}

/** Makes the change, and looks whether it was made. */
async function apply(
  statements: string[],
  email: string,
  database: CommandDatabase,
  { say, complain }: Surroundings,
): Promise<number> {
  const failed = await database.run(statements);
  if (failed !== undefined) return failed.failed;
  const made = await database.query(accountQuery(email), z.tuple([rows(accountSchema)]));
  if ("failed" in made) return made.failed;
  const [account] = made[0].results;
  if (account?.is_superuser !== 1) {
    complain("Somebody else changed the directory at the same moment: run the command again.\n");
    return 1;
  }
  say(`${email} is a superuser now, under the username ${account.username}.\n`);
  return 0;
}

/** Should the service be configured to another cost, it hashes the password again at the first login. */
function defaultCost() {
  const { SCRYPT_LN, SCRYPT_P } = environment.shape;
  return { ln: SCRYPT_LN.parse(undefined), r: 8, p: SCRYPT_P.parse(undefined) };
}

if (import.meta.main) process.exitCode = await createAdmin(process.argv.slice(2), here());
