/** `npm run sessions:end`: logs every user out, on every device. For use after a leak or a restore. */
import { createId, systemRandom } from "../platform/random.ts";
import { createMassLogout } from "../users/mass-logout.ts";
import { type Directory, withDatabase } from "./database.ts";
import { PLACE_FLAGS, PLACE_USAGE, readFlags, understandCommand } from "./flags.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run sessions:end -- --all [flags]

Logs every user out, on every device. Links that reset a password stop working too.

  --all                 confirms that all users are meant
${PLACE_USAGE}
`;

/** How many users one statement logs out. */
const USERS_A_STEP = 5_000;

/** Runs the command. Returns its exit code. */
export async function endSessions(argv: readonly string[], world: Surroundings): Promise<number> {
  const parsed = readFlags(argv, { ...PLACE_FLAGS, all: { type: "boolean" } });
  const command = understandCommand(parsed, USAGE, world, ({ values }) =>
    values.all ? undefined : "--all is missing: this command logs every user out.",
  );
  if (typeof command === "number") return command;
  return withDatabase(command.place, world, (directory) => endAll(directory, world));
}

async function endAll({ db, now }: Directory, world: Surroundings): Promise<number> {
  const event = { id: createId(now, systemRandom), occurredAt: now };
  let total = 0;
  for await (const count of createMassLogout(db)(event, { now, most: USERS_A_STEP })) {
    total += count;
    if (count === USERS_A_STEP) world.show(`${total} users …`);
    if (world.stop.aborted) {
      world.complain(`Stopped after ${total} users. Run it again: it begins at the first user.\n`);
      return 1;
    }
  }
  world.say(`Every session of ${total} ${total === 1 ? "user" : "users"} has ended. This service refuses their tokens from now on.
Other Workers accept access tokens until they expire. To make them refuse those sooner, within 6 minutes:
  npm run keys:rotate -- --emergency
`);
  return 0;
}

if (import.meta.main) await endWith(await endSessions(process.argv.slice(2), here()));
