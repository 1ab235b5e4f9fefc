/** Fills in docs/performance.md from what the bench has measured, and draws its plot: npm run docs:performance */
import { readFileSync, writeFileSync } from "node:fs";
import { CASES, type CaseName } from "../../bench/cases.ts";
import { CONTESTANTS, type ContestantName } from "../../bench/flags.ts";
import type { Figures, Measured, Results } from "../../bench/results.ts";
import { fillTables, table } from "./page-tables.ts";
import { type Bar, drawBars } from "./performance-plot.ts";

export const PAGE = "docs/performance.md";
export const PLOT = "docs/performance.svg";
export const RESULTS = "bench/results.json";

/** The lowest ratio that counts as a difference. Smaller differences occur between two runs of the bench. */
const NOTABLE = 1.1;
const PLOTTED: readonly CaseName[] = ["jwks", "me", "refresh", "login", "login-limits", "register-limits"];

const NAMES: Readonly<Record<ContestantName, string>> = {
  floor: "floor",
  postern: "Postern",
  "better-auth": "better-auth",
};

const number = (value: number) =>
  value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en-US") : value.toPrecision(2);
const milliseconds = (value: number | undefined) => (value === undefined ? "–" : number(value));
const kibibytes = (bytes: number) => `${(bytes / 1_024).toFixed(1)} KiB`;

/** The page with the tables of these results. */
export function withTables(page: string, results: Results): string {
  return fillTables(page, {
    run: () => runOf(results),
    cpu: () => cpuOf(results),
    speed: () => speedOf(results),
    storage: () => storageOf(results),
    bundles: () => bundlesOf(results),
    losses: () => lossesOf(results),
  });
}

/** The plot of the CPU time of the most frequent routes. */
export function plotOf({ cases }: Results): string {
  const groups = PLOTTED.flatMap((name) => {
    const bars = CONTESTANTS.flatMap((contestant): Bar[] => {
      const value = busiest(cases[name]?.[contestant])?.cpu;
      return value === undefined ? [] : [{ contestant, value, label: number(value) }];
    });
    return bars.length === 0 ? [] : [{ title: CASES[name].title, bars }];
  });
  return drawBars("Milliseconds of CPU time for a request", groups, NAMES);
}

function runOf({ date, machine, versions, run }: Results): string {
  return table([
    ["Run of", date],
    ["---", "---"],
    ["machine", `${machine.cpu}, ${machine.cores} cores, ${machine.system}`],
    [
      "versions",
      Object.entries({ ...versions, Node: machine.node })
        .map((entry) => entry.join(" "))
        .join(", "),
    ],
    ["rounds", `${run.rounds} of ${run.seconds} seconds for each case and concurrency; ${run.starts} starts`],
  ]);
}

const entriesOf = ({ cases }: Results) =>
  Object.entries(cases).map(([name, measured]) => ({ title: CASES[name as CaseName].title, measured }));

/** The figures at the highest concurrency. */
function busiest(measured: Measured | undefined): Figures | undefined {
  const most = Math.max(...Object.keys(measured?.figures ?? {}).map(Number));
  return measured?.figures[most];
}

function cpuOf(results: Results): string {
  const cell = (figures: Figures | undefined) =>
    figures === undefined ? "–" : `${number(figures.cpu)} (${number(figures.cpuLeast)}–${number(figures.cpuMost)})`;
  return table([
    ["CPU ms a request", ...CONTESTANTS.map((name) => NAMES[name]), "Postern beyond the floor"],
    ["---", "---:", "---:", "---:", "---:"],
    ...entriesOf(results).map(({ title, measured }) => {
      const [floor, own] = [busiest(measured.floor)?.cpu, busiest(measured.postern)?.cpu];
      const beyond = floor === undefined || own === undefined ? undefined : own - floor;
      return [title, ...CONTESTANTS.map((name) => cell(busiest(measured[name]))), milliseconds(beyond)];
    }),
  ]);
}

function speedOf(results: Results): string {
  const latency = (figures: Figures | undefined) =>
    figures === undefined ? "–" : `${number(figures.p50)} / ${number(figures.p99)}`;
  return table([
    ["", "", "requests a second", "p50 / p99 in ms, one at a time", "32 at a time"],
    ["---", "---", "---:", "---:", "---:"],
    ...entriesOf(results).flatMap(({ title, measured }) =>
      CONTESTANTS.filter((name) => measured[name] !== undefined).map((name) => [
        title,
        NAMES[name],
        milliseconds(busiest(measured[name])?.perSecond),
        latency(measured[name]?.figures[1]),
        latency(measured[name]?.figures[32]),
      ]),
    ),
  ]);
}

function storageOf(results: Results): string {
  return table([
    ["", "", "one after another", "in all", "rows read", "rows written", "bytes of the answer"],
    ["---", "---", "---:", "---:", "---:", "---:", "---:"],
    ...entriesOf(results).flatMap(({ title, measured }) =>
      CONTESTANTS.flatMap((name) => {
        const each = measured[name];
        if (each === undefined) return [];
        const { sequential, total, rowsRead, rowsWritten } = each.trips;
        return [[title, NAMES[name], sequential, total, rowsRead, rowsWritten, each.bytes]];
      }),
    ),
  ]);
}

function bundlesOf({ bundles }: Results): string {
  return table([
    ["", "gzipped", "uncompressed", "CPU ms of a start"],
    ["---", "---:", "---:", "---:"],
    ...CONTESTANTS.flatMap((name) => {
      const size = bundles[name];
      if (size === undefined) return [];
      return [[NAMES[name], kibibytes(size.gzipped), kibibytes(size.bytes), milliseconds(size.startUp)]];
    }),
  ]);
}

/** Every figure in which Postern is notably worse than better-auth. */
function lossesOf(results: Results): string {
  const rows: (string | number)[][] = [];
  const compare = (where: string, what: string, own: number | undefined, other: number | undefined) => {
    if (own === undefined || other === undefined || own <= other * NOTABLE) return;
    rows.push([where, what, number(own), number(other)]);
  };
  for (const { title, measured } of entriesOf(results)) {
    const { postern: own, "better-auth": other } = measured;
    if (own === undefined || other === undefined) continue;
    compare(title, "CPU ms", busiest(own)?.cpu, busiest(other)?.cpu);
    compare(title, "p50 in ms, one at a time", own.figures[1]?.p50, other.figures[1]?.p50);
    compare(title, "p99 in ms, one at a time", own.figures[1]?.p99, other.figures[1]?.p99);
    compare(title, "round trips one after another", own.trips.sequential, other.trips.sequential);
    compare(title, "round trips in all", own.trips.total, other.trips.total);
    compare(title, "rows read", own.trips.rowsRead, other.trips.rowsRead);
    compare(title, "rows written", own.trips.rowsWritten, other.trips.rowsWritten);
    compare(title, "bytes of the answer", own.bytes, other.bytes);
  }
  const { postern: own, "better-auth": other } = results.bundles;
  compare("bundle", "KiB, gzipped", own && own.gzipped / 1_024, other && other.gzipped / 1_024);
  compare("start", "CPU ms", own?.startUp, other?.startUp);
  return table([["", "", "Postern", "better-auth"], ["---", "---", "---:", "---:"], ...rows]);
}

if (import.meta.main) {
  const results: Results = JSON.parse(readFileSync(RESULTS, "utf8"));
  writeFileSync(PAGE, withTables(readFileSync(PAGE, "utf8"), results));
  writeFileSync(PLOT, plotOf(results));
}
