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
  /** SHA-256 of the head of the file. */
  head: z.string(),
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

/** Where an import left off, or the start of one. */
export function readProgress(file: string, database: string, now: number, random: Random): Progress | Fault {
  const path = progressPath(file);
  const head = headOf(file);
  if (!existsSync(path)) {
    const counts = { end: 0, line: 0, imported: 0, refused: 0, admins: 0, superusers: 0, reported: 0 };
    return { database, head, seed: encodeBase64url(random.bytes(32)), startedAt: now, ...counts };
  }
  const afresh = `Delete ${path} to go through it from the start.`;
  const kept = progressShape.safeParse(parseJson(readFileSync(path, "utf8")));
  if (!kept.success) return { fault: `${path} is not what an import left there. ${afresh}` };
  if (kept.data.database !== database)
    return { fault: `This file was being imported into another database, ${kept.data.database}. ${afresh}` };
  if (kept.data.head !== head || statSync(file).size < kept.data.end)
    return { fault: `${file} is another file than the one whose import had begun. ${afresh}` };
  return kept.data;
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
  writeFileSync(draft, `${JSON.stringify(kept, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, progressPath(file));
  return kept;
}

function headOf(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(HEAD_BYTES);
    const length = readSync(descriptor, bytes, 0, HEAD_BYTES, 0);
    return createHash("sha256").update(bytes.subarray(0, length)).digest("base64url");
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
