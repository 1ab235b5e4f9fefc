/** The tables that the bench prints. */
import { CASES, type CaseName } from "./cases.ts";
import type { Measured, Results } from "./results.ts";

/** A table for a terminal: the first column is text, all others are numbers. */
export function printTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const COLUMNS = [
  "",
  "CPU ms at 32",
  "at 1",
  "a second at 32",
  "p50 at 1",
  "p99 at 1",
  "p50 at 32",
  "p99 at 32",
  "trips",
  "in all",
  "rows read",
  "written",
  "bytes",
];

export function report({ cases, bundles }: Results): string {
  const rows = Object.entries(cases).flatMap(([name, contestants]) => [
    [CASES[name as CaseName].title],
    ...Object.entries(contestants).map(([contestant, measured]) => [`  ${contestant}`, ...cellsOf(measured)]),
  ]);
  const sizes = Object.entries(bundles).map(([name, { gzipped, startUp }]) => [
    name,
    `${(gzipped / 1_024).toFixed(1)} KiB`,
    startUp === undefined ? "–" : `${startUp} ms`,
  ]);
  return [printTable([COLUMNS, ...rows]), printTable([["", "bundle, gzipped", "CPU of a start"], ...sizes])].join(
    "\n\n",
  );
}

function cellsOf({ figures, trips, bytes }: Measured): string[] {
  const [one, many] = [figures[1], figures[32]];
  const numbers = [many?.cpu, one?.cpu, many?.perSecond, one?.p50, one?.p99, many?.p50, many?.p99];
  return [
    ...numbers.map((value) => (value === undefined ? "–" : value.toPrecision(3))),
    ...[trips.sequential, trips.total, trips.rowsRead, trips.rowsWritten, bytes].map(String),
  ];
}
