/**
 * `npm run users:import`: imports the users of another service from a file with one JSON object per line. Reads the
 * file as a stream, so it can have any size. Reports bad lines and imports the others. A second run recognizes the
 * users that were imported before, so an interrupted import can be continued.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { systemClock } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { unicodeEmail } from "../platform/email-address.ts";
import { systemRandom } from "../platform/random.ts";
import { type Arrival, type Conflict, createProvisioningStore } from "../users/provisioning.ts";
import { type Directory, withDatabase } from "./database.ts";
import { type Fault, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, understandCommand } from "./flags.ts";
import { type Batch, readBatches } from "./import/batches.ts";
import { openReport, readSeed } from "./import/files.ts";
import { sealFactors } from "./import/imported-factors.ts";
import type { ImportSeed, ReadUser, RefusedLine } from "./import/imported-user.ts";
import { readServiceSecrets } from "./import/service-secret.ts";
import { addToTally, describeEnd, describeProgress, EMPTY_TALLY, figure } from "./import/tally.ts";
import { endWith, hereForSecret, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run users:import -- <file> [flags]

Imports users from a file with one JSON object a line:

  {"email":"ada@example.com","username":"ada","password_hash":"$2b$12$…","is_verified":true}

  email, is_verified    required; is_verified says whether the user has proved the address there
  username              made up if it is missing
  password_hash         bcrypt, scrypt, better-auth's, PBKDF2 or Argon2, replaced at the first login;
                        without one the user resets the password by email
  totp                  authenticator apps: [{"secret":"JBSWY3DPEHPK3PXP","name":"Phone"}]
  recovery_codes        as the user has them; or recovery_code_hashes, their SHA-256
  passkeys              [{"id":"…","public_key":"…","counter":0,"rp_id":"example.com"}], the key as COSE in
                        base64url or as a JWK; passkey_user_handle is the user.id they were created with
  id first_name last_name phone locale role is_active is_superuser created_at updated_at last_login
                        as the API shows them

Second factors are sealed under AUTH_SECRET. With --remote or --volume the command asks for it (or reads it
from a pipe). docs/import.md has every field.

<file>.refused.ndjson lists the refused lines, with reasons. <file>.import.json belongs to this import: as long
as it is there, you can run the same command again after an interruption, or after correcting lines in place.

  --rp-id <domain>      the PASSKEY_RP_ID of the service, if the file has passkeys
${PLACE_USAGE}
`;

/** Runs the command. Returns its exit code: 3 if some lines were refused. */
export async function importUsers(argv: readonly string[], world: Surroundings): Promise<number> {
  const parsed = readFlags(argv, { ...PLACE_FLAGS, "rp-id": { type: "string" } }, true);
  const command = understandCommand(parsed, USAGE, world, ({ positionals }) =>
    positionals.length === 1 ? undefined : "This takes the name of one file.",
  );
  if (typeof command === "number") return command;
  // The path is relative to the folder in which the user typed the command. npm sets INIT_CWD to this folder.
  const file = resolve(process.env.INIT_CWD ?? ".", command.positionals[0] ?? "");
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found?.isFile()) return refuse({ fault: `There is no file ${file}.` }, world);
  return withDatabase(command.place, world, async (directory) => {
    const seed = readSeed(file, directory.now, systemRandom);
    if ("fault" in seed) return refuse(seed, world);
    const source = { file, size: found.size, seed, rpId: command.values["rp-id"] };
    return importFile(source, directory, command.place, world);
  });
}

/**
 * A file to import. `size` is in bytes. `rpId` is the domain of the service's passkeys, if the operator has given it.
 */
interface Source {
  file: string;
  size: number;
  seed: ImportSeed;
  rpId: string | undefined;
}

async function importFile(
  { file, size, seed, rpId }: Source,
  { db, now }: Directory,
  place: Place,
  world: Surroundings,
): Promise<number> {
  const { stop, say, show, complain } = world;
  const beganAt = systemClock.now();
  const store = createProvisioningStore(db);
  const report = openReport(file, systemRandom);
  let tally = EMPTY_TALLY;
  // The service's secrets, read once: at the first user with second factors.
  let opening: Promise<Secrets> | undefined;
  let isComplete = false;
  try {
    for await (const batch of readBatches(file, seed, rpId)) {
      const { conflicts, earlier } = await addBatch(batch);
      const refused = [...batch.refused, ...conflicts].toSorted((left, right) => left.line - right.line);
      report.add(refused);
      tally = addToTally({ ...tally, earlier: tally.earlier + earlier }, batch, refused);
      if (stop.aborted) return 1;
      show(describeProgress(tally, size, systemClock.now() - beganAt));
    }
    isComplete = true;
  } finally {
    report.close(isComplete);
    if (!isComplete) complain(`\nStopped after line ${figure(tally.line)}: run the same command again to go on.\n`);
  }
  say(`\n${describeEnd(file, tally).join("\n")}\n`);
  return tally.refused > 0 ? 3 : 0;

  /** Adds the users that no earlier run has added. Returns the failed lines, and how many users earlier runs added. */
  async function addBatch({ arrivals }: Batch): Promise<{ conflicts: RefusedLine[]; earlier: number }> {
    const done = await store.recorded(arrivals.map(({ arrival }) => arrival.event.id));
    const waiting = arrivals.filter(({ arrival }) => !done.has(arrival.event.id));
    const sealed = await Promise.all(waiting.map(({ arrival }) => seal(arrival)));
    const outcomes = await store.add(sealed, now, { replacesUnproved: true });
    const conflicts = waiting.flatMap(({ line, arrival }, index) => {
      const field = outcomes[index];
      if (!field) return [];
      const name = field === "userHandle" ? "passkey_user_handle" : field;
      const errors = [{ field: name, code: "taken", message: TAKEN[field] }];
      return [{ line, email: unicodeEmail(arrival.user.email), errors }];
    });
    return { conflicts, earlier: done.size };
  }

  async function seal({ user, event, factors }: ReadUser): Promise<Arrival> {
    if (factors === undefined) return { user, event };
    opening ??= readServiceSecrets(db, place, world);
    return { user: { ...user, ...(await sealFactors(user.id, factors, await opening, systemRandom)) }, event };
  }
}

const TAKEN: Record<Conflict, string> = {
  email: "An account has this address already.",
  id: "An account has this id already.",
  userHandle: "Another account has this user handle.",
  username: "This username is taken, or was until recently. Leave it out to get another one.",
};

function refuse({ fault }: Fault, { complain }: Surroundings): number {
  complain(`${fault}\n`);
  return 1;
}

if (import.meta.main) await endWith(await importUsers(process.argv.slice(2), hereForSecret()));
