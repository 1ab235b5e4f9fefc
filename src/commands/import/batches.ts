/** The lines of a file, in batches that are added together. */
import type { Arrival } from "../../users/provisioning.ts";
import { createUserReader, type ImportSeed, type ReadUser, type RefusedLine } from "./imported-user.ts";
import { readLines } from "./lines.ts";

/** The most lines in a transaction. During the transaction, a deployed database answers no other request. */
const LINES_A_BATCH = 500;

/**
 * The most bytes that the lines with second factors in a batch may have. Sealed factors take up to eight times as many
 * bytes. D1 gets a batch as one value of at most 2 MB, and all other fields of a batch take less than 1 MB.
 */
const FACTOR_BYTES_A_BATCH = 100 * 1024;

export interface Batch {
  /** The number of the last line, and the offset in bytes at which that line ends in the file. */
  line: number;
  end: number;
  arrivals: { line: number; arrival: ReadUser }[];
  refused: RefusedLine[];
}

/**
 * Reads the file in batches. If a line has the same address, id, username or user handle as an earlier line in the
 * batch, it begins the next batch.
 */
export async function* readBatches(file: string, seed: ImportSeed, rpId: string | undefined): AsyncGenerator<Batch> {
  const readUser = createUserReader(seed, rpId);
  const empty = (): Batch => ({ line: 0, end: 0, arrivals: [], refused: [] });
  let batch = empty();
  let names = new Set<string>();
  let lines = 0;
  let factorBytes = 0;
  for await (const line of readLines(file)) {
    const read = readUser(line);
    const own = read !== undefined && "user" in read ? namesOf(read) : [];
    const bytes = read !== undefined && "user" in read && read.factors ? (line.bytes?.byteLength ?? 0) : 0;
    const isFull = lines === LINES_A_BATCH || (factorBytes > 0 && factorBytes + bytes > FACTOR_BYTES_A_BATCH);
    if (isFull || own.some((name) => names.has(name))) {
      yield batch;
      batch = empty();
      names = new Set();
      lines = 0;
      factorBytes = 0;
    }
    lines += 1;
    factorBytes += bytes;
    batch = { ...batch, line: line.number, end: line.end };
    for (const name of own) names.add(name);
    if (read === undefined) continue;
    if ("user" in read) batch.arrivals.push({ line: line.number, arrival: read });
    else batch.refused.push(read);
  }
  if (lines > 0) yield batch;
}

function namesOf({ user }: Arrival): string[] {
  const handle = user.userHandle === null ? [] : [`handle ${user.userHandle}`];
  return [user.email, `id ${user.id}`, `name ${user.username.toLowerCase()}`, ...handle];
}
