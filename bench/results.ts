/** What a run of the bench has found, as it is in results.json. */
import type { CaseName } from "./cases.ts";
import type { Trips } from "./count-trips.ts";
import type { ContestantName, Flags } from "./flags.ts";

/** Milliseconds, but for `perSecond`. Medians of rounds; the latencies are those of all requests of all rounds. */
export interface Figures {
  cpu: number;
  /** Of the round with the least, and of the one with the most. */
  cpuLeast: number;
  cpuMost: number;
  perSecond: number;
  p50: number;
  p99: number;
  requests: number;
}

export interface Measured {
  /** By concurrency. */
  figures: Record<string, Figures>;
  trips: Trips;
  /** The body of the answer. */
  bytes: number;
}

export interface Size {
  bytes: number;
  gzipped: number;
  /** Milliseconds of CPU that a start takes with the script, less those without. Absent if no start was measured. */
  startUp?: number;
}

export interface Results {
  /** The day, in UTC. */
  date: string;
  machine: { cpu: string; cores: number; system: string; node: string };
  versions: Record<string, string>;
  run: Pick<Flags, "rounds" | "seconds" | "starts">;
  bundles: Partial<Record<ContestantName, Size>>;
  cases: Partial<Record<CaseName, Partial<Record<ContestantName, Measured>>>>;
}
