/**
 * `npm run test:mutants`: makes small mistakes in a copy of the tree, one after the other, and runs the tests that must
 * notice each. Words after `--` choose the mutants whose name or file contains one of the words.
 *
 * Exits with 1 if a mutant survives or no longer applies, or if the tests fail without a mutant.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MUTANTS, type Mutant, mutate } from "./mutants.ts";

/** In milliseconds. If the tests take longer, the mutant probably makes a test wait forever, and counts as noticed. */
const MOST_TIME = 240_000;

const chosen = choose(process.argv.slice(2));
const tree = mkdtempSync(join(tmpdir(), "postern-mutants-"));
let running: ChildProcess | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    stop(running);
    process.exit(1);
  });
}
process.on("exit", () => rmSync(tree, { recursive: true, force: true }));

copyTree(tree);
execFileSync(process.execPath, ["src/build/build.ts"], { cwd: tree, stdio: "inherit" });
refuseUnlessApplicable(chosen);
await refuseRedTests(chosen);
const survivors = await tryAll(chosen);
for (const { name, tests } of survivors) say(`SURVIVED: ${name} Not noticed by ${tests.join(", ")}.`);
say(`${chosen.length - survivors.length} of ${chosen.length} mutants were killed.`);
process.exitCode = survivors.length > 0 ? 1 : 0;

function choose(words: readonly string[]): Mutant[] {
  const found = MUTANTS.filter(
    ({ name, file }) => words.length === 0 || words.some((word) => name.includes(word) || file.includes(word)),
  );
  if (found.length === 0) giveUp(`No mutant's name or file holds ${words.join(" or ")}.`);
  return found;
}

/** Copies all files that git doesn't ignore, with uncommitted changes, and links to the installed packages. */
function copyTree(to: string): void {
  const listing = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  for (const path of listing.toString().split("\0")) {
    if (path !== "" && existsSync(path)) cpSync(path, join(to, path));
  }
  symlinkSync(join(process.cwd(), "node_modules"), join(to, "node_modules"));
}

function refuseUnlessApplicable(mutants: readonly Mutant[]): void {
  const faults = mutants.flatMap((mutant) => {
    try {
      mutate(readFileSync(join(tree, mutant.file), "utf8"), mutant);
      return mutant.tests.filter((test) => !existsSync(join(tree, test))).map((test) => `There is no ${test}.`);
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  });
  if (faults.length > 0) giveUp(faults.join("\n"));
}

/** Gives up if a test fails without a mutant, because such a test can't show that it notices a mutant. */
async function refuseRedTests(mutants: readonly Mutant[]): Promise<void> {
  const files = [...new Set(mutants.flatMap(({ tests }) => tests))];
  say(`Running ${files.length} test files without any mutant.`);
  const { noticed } = await runTests(files, MOST_TIME * files.length, []);
  if (noticed !== undefined) giveUp(`They have to pass first: ${noticed}`);
}

async function tryAll(mutants: readonly Mutant[]): Promise<Mutant[]> {
  const survivors: Mutant[] = [];
  for (const [index, mutant] of mutants.entries()) {
    const path = join(tree, mutant.file);
    const original = readFileSync(path, "utf8");
    writeFileSync(path, mutate(original, mutant));
    const { noticed, seconds } = await runTests(mutant.tests, MOST_TIME, ["--bail=1"]);
    writeFileSync(path, original);
    if (noticed === undefined) survivors.push(mutant);
    const verdict = noticed === undefined ? "survived" : "killed";
    say(`${index + 1}/${mutants.length} ${verdict} ${seconds} s  ${mutant.name}\n    ${noticed ?? ""}`.trimEnd());
  }
  return survivors;
}

/** `noticed` is the first test that failed, or another error; `undefined` if all tests passed. */
async function runTests(
  files: readonly string[],
  mostTime: number,
  flags: readonly string[],
): Promise<{ noticed: string | undefined; seconds: number }> {
  const report = join(tree, "results.json");
  rmSync(report, { force: true });
  const startedAt = performance.now();
  const ended = await run(
    ["node_modules/vitest/vitest.mjs", "run", "--coverage.enabled=false", "--project=workerd", ...flags],
    [...files, "--reporter=json", `--outputFile=${report}`],
    mostTime,
  );
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  if (ended.isTooLate) return { noticed: `the tests had not ended after ${mostTime / 1_000} s`, seconds };
  if (ended.status === 0) return { noticed: undefined, seconds };
  return { noticed: firstFailure(report) ?? `an error beside the tests: ${ended.output.trim().slice(-600)}`, seconds };
}

interface Report {
  testResults: { message: string; assertionResults: { fullName: string; status: string }[] }[];
}

function firstFailure(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const { testResults }: Report = JSON.parse(readFileSync(path, "utf8"));
  const failed = testResults.flatMap((file) => file.assertionResults).find(({ status }) => status === "failed");
  return failed?.fullName;
}

async function run(
  command: readonly string[],
  more: readonly string[],
  mostTime: number,
): Promise<{ status: number | null; isTooLate: boolean; output: string }> {
  // A separate process group, so that the runtimes that the tests start can be ended with it.
  const child = spawn(process.execPath, [...command, ...more], { cwd: tree, detached: true });
  running = child;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      output += data;
    });
  }
  let isTooLate = false;
  const timer = setTimeout(() => {
    isTooLate = true;
    stop(child);
  }, mostTime);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearTimeout(timer);
  running = undefined;
  return { status, isTooLate, output };
}

function stop(child: ChildProcess | undefined): void {
  if (child?.pid !== undefined) process.kill(-child.pid, "SIGKILL");
}

function giveUp(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
