/**
 * The history that the operators' overview shows: some of the counters, by hour. These are counted even without
 * `METRICS_TOKEN`.
 */
import { DAY, HOUR } from "../platform/clock.ts";
import type { Counters } from "../platform/meter.ts";
import { namesOf } from "../platform/records.ts";
import type { Counts } from "./counts.ts";

/** The counters that have a history. */
const FAMILIES = ["users_created", "logins", "limits_hit", "emails"] as const satisfies (keyof Counters)[];

type Family = (typeof FAMILIES)[number];

/** How long the counts of an hour are kept, in milliseconds. Longer than the longest period that the overview shows. */
export const HISTORY_MEMORY = 31 * DAY;

/** The counts of one hour or one day. */
export interface HistoryPeriod {
  /** The start of the hour or day, in milliseconds since the epoch. */
  at: number;
  counts: Counts;
}

export function hasHistory(family: string): boolean {
  return FAMILIES.some((name) => name === family);
}

/** The counts of counters that have a history. */
export function historyIn(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([series]) => hasHistory(series.split("{")[0] ?? "")));
}

/** The start of the hour or day in UTC that contains a time. */
export function beginningOf(unit: "hour" | "day", time: number): number {
  return time - (time % (unit === "hour" ? HOUR : DAY));
}

/** The numbers of one counter, added up by one of its labels. */
export function byLabel(counts: Counts, family: Family, label: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [series, [number = 0]] of Object.entries(counts)) {
    const [, name, labels = ""] = /^(\w+)\{(.*)\}$/.exec(series) ?? [];
    const [, value] = new RegExp(`\\b${label}="([^"]*)"`).exec(labels) ?? [];
    if (name === family && value !== undefined) sums[value] = (sums[value] ?? 0) + number;
  }
  return sums;
}

/** The sum over all labels of one counter. */
export function totalOf(counts: Counts, family: Family): number {
  const series = namesOf(counts).filter((name) => name.startsWith(`${family}{`));
  return series.reduce((sum, name) => sum + (counts[name]?.[0] ?? 0), 0);
}
