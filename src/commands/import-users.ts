/**
 * `npm run users:import`: brings in the users of another service, from a file with a JSON object a line. Reads
 * it as it goes, so that its size does not matter; goes on where it was interrupted; a line that can't be
 * taken costs no other.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { MINUTE, SECOND, systemClock, toIsoTime } from "../platform/clock.ts";
import { systemRandom } from "../platform/random.ts";
import { type CommandDatabase, openCommandDatabase } from "./database.ts";
import { type Fault, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, readPlace, understand } from "./flags.ts";
import { importBatch } from "./import/batch.ts";
import { createUserReader } from "./import/imported-user.ts";
import { type Line, readLines } from "./import/lines.ts";
import { beginImport, keepProgress, leaveImport, type Progress, progressPath, reportPath } from "./import/progress.ts";
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

/** So many lines, or bytes of them, go in together, as one transaction: a deployed database answers nobody else meanwhile. */
const LINES_A_BATCH = 5_000;
const BYTES_A_BATCH = 8 * 2 ** 20;

export interface ImportFlags extends Place {
  help: boolean;
  file: string;
}

/** Runs the command. Answers its exit code: 3 where some lines were refused. */
export async function importUsers(argv: readonly string[], world: Surroundings): Promise<number> {
  const { root } = world;
  const flags = understand(parseImportFlags(argv), USAGE, world);
  if (typeof flags === "number") return flags;
  const size = sizeOf(flags.file);
  if (size === undefined) return refuse({ fault: `There is no file ${flags.file}.` }, world);
  const database = openCommandDatabase(flags, world);
  if (database === undefined) return 1;
  const name = flags.remote ? "the deployed one" : resolve(root, flags.persistTo ?? ".wrangler/state");
  try {
    const begun = beginImport(flags.file, name, { now: systemClock.now(), pid: process.pid, random: systemRandom });
    if ("fault" in begun) return refuse(begun, world);
    return await goThrough(flags.file, begun, size, database, world);
  } catch (error) {
    // The file, its progress or its report can't be read or written.
    if (error instanceof Error && "syscall" in error) return refuse({ fault: error.message }, world);
    throw error;
  }
}

async function goThrough(
  file: string,
  begun: Progress,
  size: number,
  database: CommandDatabase,
  { stop, say, show, complain }: Surroundings,
): Promise<number> {
  if (begun.finishedAt !== undefined && begun.end === size) {
    leaveImport(file, begun);
    say(`This file was imported at ${toIsoTime(begun.finishedAt)}. Nothing changed.\n`);
    say(`Delete ${progressPath(file)} to go through it again: users who are there stay as they are.\n`);
    return 0;
  }
  if (begun.line > 0) say(`Going on after line ${figure(begun.line)}.\n`);
  const beganAt = systemClock.now();
  const readUser = createUserReader(begun);
  let progress = begun;
  for await (const lines of batches(file, begun)) {
    const step = await importBatch(lines, progress, { readUser, database });
    if (!("failed" in step)) progress = keepProgress(file, step.progress, step.refused);
    if (stop.aborted || "failed" in step) {
      leaveImport(file, progress);
      complain(`\nStopped after line ${figure(progress.line)}: run the same command again to go on.\n`);
      return "failed" in step ? step.failed : 1;
    }
    show(describeProgress(progress, size, begun.end, systemClock.now() - beganAt));
  }
  leaveImport(file, { ...progress, finishedAt: systemClock.now() });
  say(`\n${describeEnd(file, progress).join("\n")}\n`);
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
  let start = end;
  for await (const line of readLines(file, { end, number })) {
    batch.push(line);
    if (batch.length < LINES_A_BATCH && line.end - start < BYTES_A_BATCH) continue;
    yield batch;
    batch = [];
    start = line.end;
  }
  if (batch.length > 0) yield batch;
}

/** How far it has come through a file of `size` bytes, after `elapsed` milliseconds since it began at `start`. */
export function describeProgress(progress: Progress, size: number, start: number, elapsed: number): string {
  const left = (elapsed / (progress.end - start)) * (size - progress.end);
  const time = left < MINUTE ? `${Math.ceil(left / SECOND)} s` : `${Math.ceil(left / MINUTE)} min`;
  const share = Math.floor((progress.end / size) * 100);
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
