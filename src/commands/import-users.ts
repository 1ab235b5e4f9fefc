/**
 * `npm run users:import`: brings in the users of another service, from a file with a JSON object a line. Reads
 * it as it goes, so that its size does not matter; goes on where it was interrupted; a line that can't be
 * taken costs no other.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as z from "zod";
import type { FieldError } from "../http/problems.ts";
import { MINUTE, SECOND, systemClock, toIsoTime } from "../platform/clock.ts";
import { systemRandom } from "../platform/random.ts";
import { type CommandDatabase, type Failed, openCommandDatabase } from "./database.ts";
import { type Fault, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, readPlace } from "./flags.ts";
import { type ImportedUser, type RefusedLine, readUser } from "./import/imported-user.ts";
import { type Line, readLines } from "./import/lines.ts";
import { keepProgress, type Progress, progressPath, readProgress, reportPath } from "./import/progress.ts";
import { conflictQueries, importedQuery, importStatements } from "./import/statements.ts";
import { here, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run users:import -- <file> [flags]

Brings in users from a file with one JSON object a line:

  {"email":"ada@example.com","username":"ada","password_hash":"$2b$12$…","is_verified":true}

  email, is_verified    required; is_verified says whether the address was proved there
  username              made up where it is left out
  password_hash         bcrypt, scrypt, better-auth's, PBKDF2 or Argon2, replaced at the first login;
                        without one the user resets the password by mail
  id first_name last_name phone locale role is_active is_superuser created_at updated_at last_login
                        as the API shows them

<file>.refused.ndjson says which lines were refused, and why. <file>.import.json remembers how far it came:
run the same command again to go on.

${PLACE_USAGE}
`;

/** So many lines go in together, as one transaction, for which a deployed database stops answering others. */
const LINES_A_BATCH = 5_000;

export interface ImportFlags extends Place {
  help: boolean;
  file: string;
}

/** Runs the command. Answers its exit code: 3 where some lines were refused. */
export async function importUsers(argv: readonly string[], world: Surroundings): Promise<number> {
  const { root, stop, say, show, complain } = world;
  const flags = parseImportFlags(argv);
  if ("fault" in flags) {
    complain(`${flags.fault}\n\n${USAGE}`);
    return 2;
  }
  if (flags.help) {
    say(USAGE);
    return 0;
  }
  const size = sizeOf(flags.file);
  if (size === undefined) return refuse({ fault: `There is no file ${flags.file}.` }, world);
  const database = openCommandDatabase(flags, world);
  if (database === undefined) return 1;
  const name = flags.remote ? "the deployed one" : resolve(root, flags.persistTo ?? ".wrangler/state");
  const begun = readProgress(flags.file, name, systemClock.now(), systemRandom);
  if ("fault" in begun) return refuse(begun, world);
  if (begun.finishedAt !== undefined) {
    say(`This file was imported at ${toIsoTime(begun.finishedAt)}. Nothing changed.\n`);
    say(`Delete ${progressPath(flags.file)} to go through it again: users who are there stay as they are.\n`);
    return 0;
  }

  if (begun.line > 0) say(`Going on after line ${figure(begun.line)}.\n`);
  const beganAt = systemClock.now();
  let progress = begun;
  for await (const lines of batches(flags.file, begun)) {
    const step = await importBatch(lines, progress, database);
    if (stop.aborted || "failed" in step) {
      complain(`\nStopped after line ${figure(progress.line)}: run the same command again to go on.\n`);
      return "failed" in step ? step.failed : 1;
    }
    progress = keepProgress(flags.file, step.progress, step.refused);
    show(describeProgress(progress, size, begun.end, systemClock.now() - beganAt));
  }
  progress = keepProgress(flags.file, { ...progress, finishedAt: systemClock.now() }, []);
  say(`\n${describeEnd(flags.file, progress).join("\n")}\n`);
  return progress.refused > 0 ? 3 : 0;
}

/** Reads the flags strictly. The file is meant from where the person is who typed its name. */
export function parseImportFlags(argv: readonly string[]): ImportFlags | Fault {
  const parsed = readFlags(argv, PLACE_FLAGS, true);
  if ("fault" in parsed) return parsed;
  const { help = false, remote, "persist-to": persistTo } = parsed.values;
  const place = readPlace(remote, persistTo);
  if ("fault" in place) return place;
  const [file, ...more] = parsed.positionals;
  if (!help && (file === undefined || more.length > 0)) return { fault: "This takes the name of one file." };
  return { help, file: resolve(process.env.INIT_CWD ?? ".", file ?? ""), ...place };
}

async function* batches(file: string, { end, line: number }: Progress): AsyncGenerator<Line[]> {
  let batch: Line[] = [];
  for await (const line of readLines(file, { end, number })) {
    batch.push(line);
    if (batch.length < LINES_A_BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

interface Step {
  progress: Progress;
  refused: RefusedLine[];
}

/** Takes one batch in: writes all of it, and looks what is there then. */
async function importBatch(lines: Line[], before: Progress, database: CommandDatabase): Promise<Step | Failed> {
  const read = lines.flatMap((line) => {
    const judged = readUser(line, before);
    return judged === undefined ? [] : [{ number: line.number, ...judged }];
  });
  const candidates = read.flatMap((line) => ("user" in line ? [line] : []));
  const refused = read.flatMap((line) => ("refused" in line ? [line.refused] : []));
  const users = candidates.map(({ user }) => user);
  const outcome = await addUsers(users, before, database);
  if ("failed" in outcome) return outcome;

  const taken = candidates.filter(({ user }) => !outcome.conflicts.has(user));
  for (const { number, user } of candidates) {
    const error = outcome.conflicts.get(user);
    if (error !== undefined) refused.push({ line: number, email: user.email, errors: [error] });
  }
  const last = lines.at(-1);
  const count = (matches: (user: ImportedUser) => boolean) => taken.filter(({ user }) => matches(user)).length;
  const progress = {
    ...before,
    end: last?.end ?? before.end,
    line: last?.number ?? before.line,
    imported: before.imported + taken.length,
    refused: before.refused + refused.length,
    admins: before.admins + count(({ role }) => role === "admin"),
    superusers: before.superusers + count((user) => user.is_superuser === 1),
  };
  return { progress, refused: refused.toSorted((left, right) => left.line - right.line) };
}

const imported = z.tuple([z.object({ results: z.array(z.object({ id: z.string() })) })]);
const reasons = z.tuple([
  z.object({ results: z.array(z.object({ id: z.string(), has_email: z.number(), has_id: z.number() })) }),
]);

/** Adds users. Answers who did not come in, and why. */
async function addUsers(
  users: ImportedUser[],
  { startedAt }: Progress,
  database: CommandDatabase,
): Promise<{ conflicts: Map<ImportedUser, FieldError> } | Failed> {
  const conflicts = new Map<ImportedUser, FieldError>();
  const [first, last] = [users[0], users.at(-1)];
  if (first === undefined || last === undefined) return { conflicts };
  const folder = mkdtempSync(join(tmpdir(), "postern-import-"));
  const file = join(folder, "batch.sql");
  try {
    writeFileSync(file, importStatements(users, startedAt), { mode: 0o600 });
    const failed = await database.runFile(file);
    if (failed !== undefined) return failed;
  } finally {
    rmSync(folder, { recursive: true });
  }
  const noted = await database.query(importedQuery(first.event_id, last.event_id), imported);
  if ("failed" in noted) return noted;
  const events = new Set(noted[0].results.map(({ id }) => id));
  for (const { asked, query } of conflictQueries(users.filter(({ event_id }) => !events.has(event_id)))) {
    const answer = await database.query(query, reasons);
    if ("failed" in answer) return answer;
    // A row for each that was asked about, in their order: two lines may bear one id.
    for (const [index, user] of asked.entries()) conflicts.set(user, conflictOf(answer[0].results[index]));
  }
  return { conflicts };
}

function conflictOf(row: { has_email: number; has_id: number } | undefined): FieldError {
  if (row?.has_email === 1) return { field: "email", code: "taken", message: "An account has this address already." };
  if (row?.has_id === 1) return { field: "id", code: "taken", message: "An account has this id already." };
  const message = "Somebody has this username, waits for it, or had it not long ago. Leave it out to get another one.";
  return { field: "username", code: "taken", message };
}

function describeProgress(progress: Progress, size: number, start: number, elapsed: number): string {
  const done = progress.end - start;
  const left = done === 0 ? 0 : (elapsed / done) * (size - progress.end);
  const time = left < MINUTE ? `${Math.ceil(left / SECOND)} s` : `${Math.ceil(left / MINUTE)} min`;
  const share = Math.floor((progress.end / Math.max(1, size)) * 100);
  return `${share} %  line ${figure(progress.line)}, ${figure(progress.imported)} imported, ${figure(progress.refused)} refused, about ${time} left`;
}

function describeEnd(file: string, { line, imported, refused, admins, superusers }: Progress): string[] {
  return [
    `${counted(line, "line")}: ${counted(imported, "user")} imported, ${counted(refused, "line")} refused.`,
    ...(admins + superusers > 0
      ? [`Among them: ${counted(admins, "admin")}, ${counted(superusers, "superuser")}.`]
      : []),
    ...(refused > 0 ? [`${reportPath(file)} says which lines were refused, and why.`] : []),
  ];
}

function counted(count: number, noun: string): string {
  return `${figure(count)} ${count === 1 ? noun : `${noun}s`}`;
}

function figure(count: number): string {
  return count.toLocaleString("en");
}

function sizeOf(file: string): number | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : undefined;
}

function refuse({ fault }: Fault, { complain }: Surroundings): number {
  complain(`${fault}\n`);
  return 1;
}

if (import.meta.main) process.exitCode = await importUsers(process.argv.slice(2), here());
