/** The lines of a file, in batches that are added together. */
import type { Arrival } from "../../users/provisioning.ts";
import { createUserReader, type ImportSeed, type RefusedLine } from "./imported-user.ts";
import { readLines } from "./lines.ts";

/** Lines that are added together, in one transaction. A deployed database answers no other request meanwhile. */
const LINES_A_BATCH = 500;

export interface Batch {
  /** The last line, and where it ends in the file, in bytes. */
  line: number;
  end: number;
  arrivals: { line: number; arrival: Arrival }[];
  refused: RefusedLine[];
}

/**
 * Reads the file in batches. A line with the address, id or username of an earlier line in the batch begins the next
 * batch.
 */
export async function* readBatches(file: string, seed: ImportSeed): AsyncGenerator<Batch> {
  const readUser = createUserReader(seed);
  const empty = (): Batch => ({ line: 0, end: 0, arrivals: [], refused: [] });
  let batch = empty();
  let names = new Set<string>();
  let lines = 0;
  for await (const line of readLines(file)) {
    const read = readUser(line);
    const own = read !== undefined && "user" in read ? namesOf(read) : [];
    if (lines === LINES_A_BATCH || own.some((name) => names.has(name))) {
      yield batch;
      batch = empty();
      names = new Set();
      lines = 0;
    }
    lines += 1;
    batch = { ...batch, line: line.number, end: line.end };
    for (const name of own) names.add(name);
    if (read === undefined) continue;
    if ("user" in read) batch.arrivals.push({ line: line.number, arrival: read });
    else batch.refused.push(read);
  }
  if (lines > 0) yield batch;
}

function namesOf({ user }: Arrival): string[] {
  return [user.email, `id ${user.id}`, `name ${user.username.toLowerCase()}`];
}
