/**
 * What CI shows of a run, in Markdown: `node test/measure/summary.ts budgets` after .ci/check has made a bundle, and
 * `… coverage` after the tests.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { HOP_BUDGETS, SIZE_BUDGETS } from "../budgets.ts";

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

/** The gzipped size of what deploys, and of `postern/client`, beside their budgets. */
export function summarizeBudgets(sizes: { worker: number; client: number }): string {
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
  return `## Budgets

| Gzipped | Size | Budget |
|---|---|---|
| the Worker | ${kib(sizes.worker)} | ${kib(SIZE_BUDGETS.worker)} |
| \`postern/client\` | ${kib(sizes.client)} | ${kib(SIZE_BUDGETS.client)} |

| Route | Storage round trips one after another, at most |
|---|---|
${Object.entries(HOP_BUDGETS)
  .map(([route, hops]) => `| ${route} | ${hops} |`)
  .join("\n")}
`;
}

/** The coverage of everything, and of the files that are covered least. */
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

function measuredSizes() {
  const gzipped = (path: string) => gzipSync(readFileSync(path)).byteLength;
  const modules = readdirSync(BUNDLE).filter((name) => /\.(js|wasm)$/.test(name));
  const worker = modules.reduce((sum, name) => sum + gzipped(join(BUNDLE, name)), 0);
  return { worker, client: gzipped(CLIENT) };
}

if (import.meta.main) {
  const isCoverage = process.argv[2] === "coverage";
  const text = isCoverage
    ? summarizeCoverage(JSON.parse(readFileSync(COVERAGE, "utf8")), process.cwd())
    : summarizeBudgets(measuredSizes());
  process.stdout.write(text);
}
