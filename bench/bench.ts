/**
 * `npm run bench`: measures what requests cost in Postern, in better-auth, and in the floor, a Worker that does only
 * what each route must do. Each of the three runs on its own local workerd. Prints a table and writes results.json.
 * `npm run docs:performance` makes docs/performance.md from results.json.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release, type } from "node:os";
import { memoryFolder } from "../test/support/memory-folder.ts";
import { betterAuth } from "./better-auth.ts";
import { CASES } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import { type ContestantName, type Flags, parseFlags, USAGE } from "./flags.ts";
import { floor } from "./floor.ts";
import { type Entrant, measureCase } from "./measure.ts";
import { postern } from "./postern.ts";
import { hasProc } from "./process-cpu.ts";
import { report } from "./report.ts";
import type { Results } from "./results.ts";
import { build, startUpTime, stopAll } from "./start.ts";
import { mean } from "./statistics.ts";

const CONTESTANTS: Record<ContestantName, Contestant> = { floor, postern, "better-auth": betterAuth };

/** The folders of the packages whose version affects the figures, relative to the root of the repository. */
const MANIFESTS: Record<string, string> = {
  Postern: ".",
  "better-auth": "bench/node_modules/better-auth",
  workerd: "node_modules/workerd",
};

const say = (text: string) => process.stdout.write(`${text}\n`);

async function bench(flags: Flags): Promise<void> {
  say(`Building ${flags.contestants.join(", ")}`);
  const entrants = await Promise.all(
    flags.contestants.map(async (name): Promise<Entrant> => {
      const contestant = CONTESTANTS[name];
      return { contestant, bundle: await build(contestant) };
    }),
  );
  const bundles = await measureBundles(entrants, flags.starts);
  const cases: Results["cases"] = {};
  for (const [index, name] of flags.only.entries()) {
    say(`Measuring ${CASES[name].title} (${index + 1} of ${flags.only.length})`);
    cases[name] = await measureCase(name, entrants, flags);
  }
  const { rounds, seconds, starts } = flags;
  const results = { ...surroundings(), run: { rounds, seconds, starts }, bundles, cases };
  writeFileSync(flags.out, `${JSON.stringify(results, undefined, 2)}\n`);
  say(`\n${report(results)}\n\nWritten to ${flags.out}.`);
}

async function measureBundles(entrants: readonly Entrant[], starts: number): Promise<Results["bundles"]> {
  if (starts > 0) say("Measuring starts");
  const times = new Map<ContestantName, number[]>();
  for (let index = 0; index < starts; index++) {
    for (const { contestant, bundle } of entrants) {
      const time = await startUpTime(contestant, bundle);
      times.set(contestant.name, [...(times.get(contestant.name) ?? []), time]);
    }
  }
  return Object.fromEntries(
    entrants.map(({ contestant: { name }, bundle: { bytes, gzipped } }) => {
      const own = times.get(name);
      return [name, { bytes, gzipped, ...(own === undefined ? {} : { startUp: Math.round(mean(own)) }) }];
    }),
  );
}

function surroundings(): Pick<Results, "date" | "machine" | "versions"> {
  const [cpu] = cpus();
  const versionOf = (folder: string) => JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).version;
  const installed = Object.entries(MANIFESTS).filter(([, folder]) => existsSync(folder));
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: {
      cpu: cpu?.model ?? "unknown",
      cores: cpus().length,
      system: `${type()} ${release()}, ${arch()}`,
      node: process.version,
    },
    versions: Object.fromEntries(installed.map(([name, folder]) => [name, versionOf(folder)])),
  };
}

/** Ends the program with a message if something is missing that these flags need. Installs missing packages first. */
function requirePackages({ contestants }: Flags): void {
  if (!hasProc) stop("The bench reads CPU times from /proc, which only Linux has. Run it there, or in a container.");
  if (!contestants.includes("better-auth") || existsSync("bench/node_modules/better-auth")) return;
  say("Installing the packages of bench/");
  try {
    execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: "bench", stdio: ["ignore", "ignore", "inherit"] });
  } catch {
    stop("The packages of bench/ could not be installed. Leave better-auth out: --contestants floor,postern");
  }
}

function readFlags(): Flags {
  try {
    return parseFlags(process.argv.slice(2));
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

function stop(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const flags = readFlags();
requirePackages(flags);
// Keeps temporary files in memory. On a disk, the bench would measure the speed of the disk too.
const inMemory = memoryFolder();
if (inMemory !== undefined) process.env.TMPDIR = inMemory;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void stopAll().finally(() => process.exit(1)));
}
try {
  await bench(flags);
} finally {
  await stopAll();
}
