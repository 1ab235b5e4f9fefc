/** A batch of lines on its way into the database. */
import * as z from "zod";
import type { FieldError } from "../../platform/refusal.ts";
import type { CommandDatabase, Failed } from "../database.ts";
import type { ImportedUser, RefusedLine, UserReader } from "./imported-user.ts";
import type { Line } from "./lines.ts";
import type { Progress } from "./progress.ts";
import { conflictQueries, importedQuery, importStatements } from "./statements.ts";

interface Step {
  progress: Progress;
  refused: RefusedLine[];
}

/** Takes one batch in: writes all of it, and looks what is there then. */
export async function importBatch(
  lines: readonly Line[],
  before: Progress,
  { readUser, database }: { readUser: UserReader; database: CommandDatabase },
): Promise<Step | Failed> {
  const read = lines.flatMap((line) => {
    const judged = readUser(line);
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
  const failed = await database.run(importStatements(users, startedAt));
  if (failed !== undefined) return failed;
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
