/** What an import keeps beside its file: the seed of its ids, and the report of the lines that it refused. */
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import * as z from "zod";
import { encodeBase64url, parseJson } from "../../platform/encoding.ts";
import type { Random } from "../../platform/random.ts";
import type { Fault } from "../flags.ts";
import type { RefusedLine } from "./imported-user.ts";

const stateShape = z.strictObject({
  /** Which database the file is imported into. */
  database: z.string(),
  /** With the line itself it makes the line's ids, so that a later run recognizes what an earlier one did. */
  seed: z.string(),
  startedAt: z.int(),
});

export type ImportState = z.output<typeof stateShape>;

export function statePath(file: string): string {
  return `${file}.import.json`;
}

export function reportPath(file: string): string {
  return `${file}.refused.ndjson`;
}

/** The state of the import of this file. A new one is on the disk before anything is imported. */
export function beginImport(file: string, database: string, now: number, random: Random): ImportState | Fault {
  const path = statePath(file);
  if (!existsSync(path)) {
    const state = { database, seed: encodeBase64url(random.bytes(32)), startedAt: now };
    // Of two runs that start at the same time, one makes the file.
    writeFileSync(path, JSON.stringify(state), { mode: 0o600, flag: "wx" });
    return state;
  }
  const startOver = `Delete ${path} to import the file from the start.`;
  const kept = stateShape.safeParse(parseJson(readFileSync(path, "utf8")));
  if (!kept.success) return { fault: `${path} was not written by an import. ${startOver}` };
  if (kept.data.database !== database)
    return { fault: `This file was being imported into another database, ${kept.data.database}. ${startOver}` };
  return kept.data;
}

/** A report that is being written. It replaces the one of an earlier run as a whole when it is closed. */
export interface Report {
  add(refused: readonly RefusedLine[]): void;
  close(): void;
}

export function openReport(file: string, random: Random): Report {
  const draft = `${reportPath(file)}.${encodeBase64url(random.bytes(6))}`;
  const descriptor = openSync(draft, "w", 0o600);
  return {
    add: (refused) => {
      for (const line of refused) writeSync(descriptor, `${JSON.stringify(line)}\n`);
    },
    close() {
      closeSync(descriptor);
      renameSync(draft, reportPath(file));
    },
  };
}
