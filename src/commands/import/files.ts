/** The files that an import writes beside the imported file: the seed of its ids, and the report of refused lines. */
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import * as z from "zod";
import { encodeBase64url, parseJson } from "../../platform/encoding.ts";
import type { Random } from "../../platform/random.ts";
import type { Fault } from "../flags.ts";
import type { ImportSeed, RefusedLine } from "./imported-user.ts";

const seedShape = z.strictObject({ seed: z.string(), startedAt: z.int() });

export function reportPath(file: string): string {
  return `${file}.refused.ndjson`;
}

/** Returns the seed of this file's import. Writes a new seed to the disk before anything is imported. */
export function readSeed(file: string, now: number, random: Random): ImportSeed | Fault {
  const path = `${file}.import.json`;
  if (!existsSync(path)) {
    const seed = { seed: encodeBase64url(random.bytes(32)), startedAt: now };
    // If two runs start at the same time, only one makes the file, and the other fails.
    writeFileSync(path, JSON.stringify(seed), { mode: 0o600, flag: "wx" });
    return seed;
  }
  const kept = seedShape.safeParse(parseJson(readFileSync(path, "utf8")));
  if (kept.success) return kept.data;
  return { fault: `${path} is not what an import writes. Delete it to import the file from the start.` };
}

/** Begins a report. Only a complete report replaces the report of an earlier run. */
export function openReport(file: string, random: Random) {
  const draft = `${reportPath(file)}.${encodeBase64url(random.bytes(6))}`;
  const descriptor = openSync(draft, "w", 0o600);
  return {
    add(refused: readonly RefusedLine[]) {
      for (const line of refused) writeFileSync(descriptor, `${JSON.stringify(line)}\n`);
    },
    /** If this run is not complete, the report of the earlier run stays. */
    close(isComplete: boolean) {
      closeSync(descriptor);
      if (isComplete) renameSync(draft, reportPath(file));
      else rmSync(draft);
    },
  };
}
