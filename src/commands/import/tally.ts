/** How far a run of an import has come, and how to describe that. */
import { MINUTE, SECOND } from "../../platform/clock.ts";
import type { Batch } from "./batches.ts";
import { reportPath } from "./files.ts";
import type { RefusedLine } from "./imported-user.ts";

interface Tally {
  line: number;
  /** How many bytes of the file the run has read. */
  end: number;
  imported: number;
  /** How many of `imported` an earlier run had already added. */
  earlier: number;
  refused: number;
  /** How many of `imported` are admins, and how many are superusers. */
  admins: number;
  superusers: number;
}

export const EMPTY_TALLY: Tally = { line: 0, end: 0, imported: 0, earlier: 0, refused: 0, admins: 0, superusers: 0 };

export function addToTally(before: Tally, batch: Batch, refused: readonly RefusedLine[]): Tally {
  const isRefused = new Set(refused.map(({ line }) => line));
  const users = batch.arrivals.flatMap(({ line, arrival }) => (isRefused.has(line) ? [] : [arrival.user]));
  return {
    ...before,
    line: batch.line,
    end: batch.end,
    imported: before.imported + users.length,
    refused: before.refused + refused.length,
    admins: before.admins + users.filter(({ role }) => role === "admin").length,
    superusers: before.superusers + users.filter(({ isSuperuser }) => isSuperuser).length,
  };
}

/** How far a run has come through a file of `size` bytes after `elapsed` milliseconds. */
export function describeProgress({ line, end, imported, refused }: Tally, size: number, elapsed: number): string {
  const left = (elapsed / end) * (size - end);
  const time = left < MINUTE ? `${Math.ceil(left / SECOND)} s` : `${Math.ceil(left / MINUTE)} min`;
  const share = Math.floor((end / size) * 100);
  return `${share} %  line ${figure(line)}, ${figure(imported)} imported, ${figure(refused)} refused, about ${time} left`;
}

export function describeEnd(file: string, { line, imported, earlier, refused, admins, superusers }: Tally): string[] {
  const operators = `Among them: ${counted(admins, "admin")}, ${counted(superusers, "superuser")}.`;
  return [
    `${counted(line, "line")}: ${counted(imported, "user")} imported, ${counted(refused, "line")} refused.`,
    ...(earlier > 0 ? [`An earlier run had imported ${counted(earlier, "user")} of these.`] : []),
    ...(admins + superusers > 0 ? [operators] : []),
    ...(refused > 0 ? [`${reportPath(file)} lists the refused lines, with reasons.`] : []),
  ];
}

function counted(count: number, noun: string): string {
  return `${figure(count)} ${count === 1 ? noun : `${noun}s`}`;
}

export function figure(count: number): string {
  return count.toLocaleString("en");
}
