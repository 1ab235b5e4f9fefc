/**
 * Prints the Markdown that CI shows for a run: `node test/measure/summary.ts budgets` after .ci/check has made a
 * bundle, and `node test/measure/summary.ts coverage` after the tests.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  HOP_BUDGETS,
  LIMIT_BUDGETS,
  OPERATION_BUDGETS,
  type OperationName,
  SIZE_BUDGETS,
  START_BUDGETS,
} from "../budgets.ts";
import calls from "./d1-calls.json" with { type: "json" };
import operations from "./operations.json" with { type: "json" };

const BUNDLE = "test/.output/bundle";
const CLIENT = "public/static/client.js";
const COVERAGE = "coverage/coverage-summary.json";
/** How many files the table of coverage names. */
const SHOWN_FILES = 10;

interface Share {
  total: number;
  covered: number;
  pct: number;
}
type Coverage = Record<string, { lines: Share; branches: Share }>;

/** The sizes of a build in bytes, and its number of modules. `worker` and `client` are gzipped. */
interface Sizes {
  worker: number;
  client: number;
  script: number;
  modules: number;
}

/**
 * A table of every budget beside its current value. Round trips and the costs of limits show no second value, because
 * the tests check that these are exactly the budget.
 */
export function summarizeBudgets(sizes: Sizes): string {
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
  const rows: [string, string | number, string | number][] = [
    ["the Worker, gzipped", kib(sizes.worker), kib(SIZE_BUDGETS.worker)],
    ["`postern/client`, gzipped", kib(sizes.client), kib(SIZE_BUDGETS.client)],
    ["`postern/verify`, gzipped", "see its test", kib(SIZE_BUDGETS.verifier)],
    ["the console at first sight, gzipped", "see its test", kib(SIZE_BUDGETS.console)],
    ["start: script", kib(sizes.script), kib(START_BUDGETS.scriptBytes)],
    ["start: modules", sizes.modules, START_BUDGETS.modules],
    ...Object.entries(HOP_BUDGETS).map(([route, hops]): [string, string, number] => [
      `${route}: round trips one after another`,
      "exactly",
      hops,
    ]),
    ...Object.entries(OPERATION_BUDGETS).map(([name, budget]): [string, string, string] => {
      const { reads, writes } = calls[name as OperationName];
      const now = { ...operations[name as OperationName], d1Calls: reads + writes };
      const units = Object.keys(budget) as (keyof typeof budget)[];
      const list = (numbers: typeof budget | typeof now) => units.map((unit) => numbers[unit]).join(" / ");
      return [`${name}: object requests / their rows written / D1's / calls of D1`, list(now), list(budget)];
    }),
    ...Object.entries(LIMIT_BUDGETS).map(([name, { requests, rowsWritten, alarms }]): [string, string, string] => [
      `limits of ${name}: object requests / rows written / alarms`,
      "exactly",
      `${requests} / ${rowsWritten} / ${alarms}`,
    ]),
  ];
  return [
    "## Budgets",
    "",
    "| | Now | At most |",
    "|---|---:|---:|",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
    "",
  ].join("\n");
}

/** A table of the total coverage, and of the files with the most uncovered code. */
export function summarizeCoverage(coverage: Coverage, root: string): string {
  const { total, ...files } = coverage;
  const row = (name: string, { lines, branches }: Coverage[string]) =>
    `| ${name} | ${lines.pct} % (${lines.covered} of ${lines.total}) | ${branches.pct} % (${branches.covered} of ${branches.total}) |`;
  const uncovered = ({ lines, branches }: Coverage[string]) =>
    lines.total - lines.covered + branches.total - branches.covered;
  const least = Object.entries(files)
    .filter(([, file]) => uncovered(file) > 0)
    .toSorted(([, left], [, right]) => uncovered(right) - uncovered(left))
    .slice(0, SHOWN_FILES)
    .map(([path, file]) => row(`\`${path.replace(`${root}/`, "")}\``, file));
  return [
    "## Coverage",
    "",
    "| | Lines | Branches |",
    "|---|---|---|",
    total && row("**All**", total),
    ...least,
    "",
  ].join("\n");
}

function measuredSizes(): Sizes {
  const gzipped = (path: string) => gzipSync(readFileSync(path)).byteLength;
  const modules = readdirSync(BUNDLE).filter((name) => /\.(js|wasm)$/.test(name));
  const worker = modules.reduce((sum, name) => sum + gzipped(join(BUNDLE, name)), 0);
  const script = statSync(join(BUNDLE, "index.js")).size;
  return { worker, client: gzipped(CLIENT), script, modules: modules.length };
}

if (import.meta.main) {
  const isCoverage = process.argv[2] === "coverage";
  const text = isCoverage
    ? summarizeCoverage(JSON.parse(readFileSync(COVERAGE, "utf8")), process.cwd())
    : summarizeBudgets(measuredSizes());
  process.stdout.write(text);
}
