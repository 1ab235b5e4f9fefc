/**
 * Decides whether a measured value grows, by comparing the last third of a run with the middle third. The first third
 * is the warm-up.
 *
 * The memory of the processes is shown but not judged. Most of it belongs to the simulators of D1, KV and queues, whose
 * garbage V8 collects at any time.
 */
import { MORTAL, type Window } from "./soak.ts";

interface Measure {
  name: string;
  of(window: Window): number | undefined;
  /** How much the mean may grow: by this share of itself, and by `more` in addition. */
  share: number;
  more: number;
}

const KIBIBYTE = 1_024;
const MEBIBYTE = 1_024 * KIBIBYTE;

const MEASURES: readonly Measure[] = [
  { name: "heap of the Worker", of: ({ held }) => held, share: 0.25, more: 4 * MEBIBYTE },
  { name: "bytes in D1", of: ({ directory }) => directory, share: 0.1, more: 64 * KIBIBYTE },
  { name: "bytes in objects", of: ({ objects }) => objects, share: 0.25, more: 256 * KIBIBYTE },
  ...MORTAL.map((name): Measure => ({ name, of: ({ rows }) => rows[name], share: 0.25, more: 50 })),
  { name: "users", of: ({ rows }) => rows.users, share: 0.25, more: 50 },
  { name: "signing_keys", of: ({ rows }) => rows.signing_keys, share: 0.25, more: 3 },
];

/** A sentence for each measure that grew. */
export function growth(windows: readonly Window[]): string[] {
  const third = Math.floor(windows.length / 3);
  const [middle, last] = [windows.slice(third, -third), windows.slice(-third)];
  return MEASURES.flatMap(({ name, of, share, more }) => {
    const [before, after] = [middle, last].map((part) => mean(part.map(of)));
    if (before === undefined || after === undefined || after <= before * (1 + share) + more) return [];
    return [`${name} grew from ${Math.round(before)} to ${Math.round(after)}.`];
  });
}

/** The mean, or `undefined` if a value is missing. */
function mean(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length < values.length || known.length === 0) return undefined;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

export const HEADING = [
  "window".padStart(9),
  ...[
    "answers",
    "p50 ms",
    "p99 ms",
    "heap MiB",
    "RSS MiB",
    "D1 KiB",
    "obj KiB",
    "users",
    "unverif.",
    "events",
    "sessions",
    "limits",
    "guards",
  ].map((word) => word.padStart(9)),
].join("");

/** Formats a window as a line of a table. */
export function lineOf({ number, times, held, memory, directory, objects, rows }: Window, windows: number): string {
  const sorted = times.toSorted((one, other) => one - other);
  const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]?.toFixed(0) ?? "";
  const cells = [
    `${number} of ${windows}`,
    times.length,
    quantile(0.5),
    quantile(0.99),
    (held / MEBIBYTE).toFixed(1),
    memory === undefined ? "" : Math.round(memory / MEBIBYTE),
    Math.round(directory / KIBIBYTE),
    Math.round(objects / KIBIBYTE),
    ...["users", "unverified users", "audit_events", "UserSessions", "RateLimiter", "LoginGuard"].map(
      (name) => rows[name] ?? "",
    ),
  ];
  return cells.map((cell) => String(cell).padStart(9)).join("");
}
