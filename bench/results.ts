/** The format of results.json, which a run of the bench writes. */
import type { CaseName } from "./cases.ts";
import type { Trips } from "./count-trips.ts";
import type { ContestantName, Flags } from "./flags.ts";

/** In milliseconds, except `perSecond` and `requests`. Medians of the rounds; `p50` and `p99` are over all requests. */
export interface Figures {
  cpu: number;
  /** `cpuLeast` and `cpuMost`: the lowest and the highest CPU time of a round. */
  cpuLeast: number;
  cpuMost: number;
  perSecond: number;
  p50: number;
  p99: number;
  requests: number;
}

export interface Measured {
  /** The figures by concurrency. */
  figures: Record<string, Figures>;
  trips: Trips;
  /** The length of the answer's body. */
  bytes: number;
}

export interface Size {
  bytes: number;
  gzipped: number;
  /** The CPU time of a start with the script minus that without, in milliseconds. Absent if no start was measured. */
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
