/** How far an import has come, kept beside its file, and the report of the lines that it refused. */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import * as z from "zod";
import { encodeBase64url } from "../../platform/encoding.ts";
import type { Random } from "../../platform/random.ts";
import type { Fault } from "../flags.ts";
import type { RefusedLine } from "./imported-user.ts";

/** By its first bytes a file is known again. */
const HEAD_BYTES = 64 * 1024;

const count = z.int().min(0);

const progressShape = z.strictObject({
  /** Which database it goes into. */
  database: z.string(),
  /** The process that goes through the file now; absent where none does. */
  pid: count.optional(),
  /** SHA-256 of the head of the file, and how many bytes that was. */
  head: z.string(),
  headLength: count,
  seed: z.string(),
  startedAt: z.int(),
  /** Where the next line begins, in bytes, and how many come before it. */
  end: count,
  line: count,
  imported: count,
  refused: count,
  /** Of the imported ones. */
  admins: count,
  superusers: count,
  /** Bytes of the report that belong to the lines so far. */
  reported: count,
  finishedAt: z.int().optional(),
});

export type Progress = z.output<typeof progressShape>;

export function progressPath(file: string): string {
  return `${file}.import.json`;
}

export function reportPath(file: string): string {
  return `${file}.refused.ndjson`;
}

/**
 * Where an import left off, or the start of one, kept before anything is written: whatever happens then, the next
 * try knows what it did. A file that has only grown since is the same file.
 */
export function beginImport(
  file: string,
  database: string,
  { now, pid, random }: { now: number; pid: number; random: Random },
): Progress | Fault {
  const path = progressPath(file);
  if (!existsSync(path)) {
    const counts = { end: 0, line: 0, imported: 0, refused: 0, admins: 0, superusers: 0, reported: 0 };
    const headLength = Math.min(HEAD_BYTES, statSync(file).size);
    const seed = encodeBase64url(random.bytes(32));
    const start = { database, pid, head: headOf(file, headLength), headLength, seed, startedAt: now, ...counts };
    // Of two that begin at once, one makes the file.
    writeFileSync(path, textOf(start), { mode: 0o600, flag: "wx" });
    return start;
  }
  const afresh = `Delete ${path} to go through it from the start.`;
  const kept = progressShape.safeParse(parseJson(readFileSync(path, "utf8")));
  if (!kept.success) return { fault: `${path} is not what an import left there. ${afresh}` };
  const progress = kept.data;
  if (progress.database !== database)
    return { fault: `This file was being imported into another database, ${progress.database}. ${afresh}` };
  if (progress.head !== headOf(file, progress.headLength) || statSync(file).size < progress.end)
    return { fault: `${file} is another file than the one whose import had begun. ${afresh}` };
  if (progress.pid !== undefined && progress.pid !== pid && isRunning(progress.pid)) {
    const mend = `If that is something else, take "pid" out of ${path}.`;
    return { fault: `The process ${progress.pid} is importing this file already. ${mend}` };
  }
  return keepProgress(file, { ...progress, pid }, []);
}

/** Keeps the progress with the lines that were refused since, so that neither is ever without the other. */
export function keepProgress(file: string, progress: Progress, refused: readonly RefusedLine[]): Progress {
  const report = reportPath(file);
  // What an import that was interrupted wrote after its last progress comes again.
  if (existsSync(report)) truncateSync(report, Math.min(progress.reported, statSync(report).size));
  const text = refused.map((line) => `${JSON.stringify(line)}\n`).join("");
  if (text !== "") appendFileSync(report, text, { mode: 0o600 });
  const kept = { ...progress, reported: progress.reported + Buffer.byteLength(text) };
  const draft = `${progressPath(file)}.new`;
  writeFileSync(draft, textOf(kept), { mode: 0o600 });
  renameSync(draft, progressPath(file));
  return kept;
}

/** Keeps the progress of an import that nobody goes through any more, for now or for good. */
export function leaveImport(file: string, { pid: _, ...progress }: Progress): void {
  keepProgress(file, progress, []);
}

function textOf(progress: Progress): string {
  return `${JSON.stringify(progress, undefined, 2)}\n`;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process may not be signalled, but it runs.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function headOf(file: string, length: number): string {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(length);
    const read = readSync(descriptor, bytes, 0, length, 0);
    return createHash("sha256").update(bytes.subarray(0, read)).digest("base64url");
  } finally {
    closeSync(descriptor);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
