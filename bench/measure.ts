/** Compares contestants in alternating rounds, so that a slow minute of the machine affects all of them. */
import { setTimeout as pause } from "node:timers/promises";
import { CASES, type CaseName, concurrenciesOf } from "./cases.ts";
import type { Contestant, Operation, Preparation } from "./contestant.ts";
import { COUNTS_PATH, type Trips } from "./count-trips.ts";
import type { Flags } from "./flags.ts";
import type { Figures, Measured } from "./results.ts";
import { type Bundle, type Running, start } from "./start.ts";
import { median, quantile } from "./statistics.ts";

/** Longer than a queue waits until it delivers a batch. */
const SETTLE_MILLISECONDS = 1_200;
const WARM_UP_SECONDS = 1;
const COUNTED = 5;

export interface Entrant {
  contestant: Contestant;
  bundle: Bundle;
}

type Length = Pick<Flags, "rounds" | "seconds">;

interface Round {
  seconds: number;
  requests: number;
  latencies: number[];
  cpu: number;
}

export interface Runner {
  name: string;
  running: Running;
  operation: Operation;
  next: () => number;
  bytes: number;
  rounds: Map<number, Round[]>;
}

/** Measures a case for every contestant that has it. */
export async function measureCase(
  name: CaseName,
  entrants: readonly Entrant[],
  length: Length,
): Promise<Record<string, Measured>> {
  const runners: Runner[] = [];
  for (const entrant of entrants) {
    const runner = await enter(name, entrant);
    if (runner !== undefined) runners.push(runner);
  }
  const figures = await measureRounds(runners, concurrenciesOf(CASES[name]), length);
  for (const { running } of runners) await running.stop();
  // Nothing is timed any more, so the trips of all contestants are counted at the same time.
  const measured = entrants.map(async (entrant): Promise<[string, Measured][]> => {
    const at = runners.findIndex((each) => each.name === entrant.contestant.name);
    const [runner, own] = [runners[at], figures[at]];
    if (runner === undefined || own === undefined) return [];
    return [[runner.name, { figures: own, trips: await countTrips(name, entrant), bytes: runner.bytes }]];
  });
  return Object.fromEntries((await Promise.all(measured)).flat());
}

/** Measures the runners in turns. Returns the figures of each runner, by concurrency. */
export async function measureRounds(
  runners: readonly Runner[],
  concurrencies: readonly number[],
  { rounds, seconds }: Length,
): Promise<Record<string, Figures>[]> {
  for (const runner of runners) await load(runner, runner.running.slots, Math.min(WARM_UP_SECONDS, seconds));
  await pause(SETTLE_MILLISECONDS);
  for (const concurrency of concurrencies) {
    // A contestant continues to work after its answers, so its CPU time is measured until its next round or the end.
    const before = new Map<Runner, number>();
    const finishRound = (runner: Runner) => {
      const round = runner.rounds.get(concurrency)?.at(-1);
      if (round !== undefined) round.cpu = runner.running.cpu() - (before.get(runner) ?? 0);
    };
    for (let index = 0; index < rounds; index++) {
      for (const runner of runners) {
        finishRound(runner);
        before.set(runner, runner.running.cpu());
        const made = runner.rounds.get(concurrency) ?? [];
        runner.rounds.set(concurrency, [...made, { ...(await load(runner, concurrency, seconds)), cpu: 0 }]);
      }
    }
    await pause(SETTLE_MILLISECONDS);
    for (const runner of runners) finishRound(runner);
  }
  return runners.map((runner) => Object.fromEntries([...runner.rounds].map(([at, rounds]) => [at, summarize(rounds)])));
}

async function enter(name: CaseName, { contestant, bundle }: Entrant, isCounted = false): Promise<Runner | undefined> {
  const prepare = contestant.cases[name];
  if (prepare === undefined) return undefined;
  return makeRunner(contestant.name, await start(contestant, bundle, CASES[name], isCounted), prepare);
}

/** Prepares a contestant for one operation, and runs the operation once for each user in `running.regulars`. */
export async function makeRunner(name: string, running: Running, prepare: Preparation): Promise<Runner> {
  const operation = await prepare(running);
  // Not measured: a user's first login from a network costs more, and the first call of an object makes its table.
  let index = 0;
  let bytes = 0;
  while (index < running.regulars) ({ bytes } = await operation(0, index++));
  return { name, running, operation, next: () => index++, bytes, rounds: new Map() };
}

/** Sends requests for this many seconds, `concurrency` at once. */
async function load({ operation, next }: Runner, concurrency: number, seconds: number): Promise<Omit<Round, "cpu">> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const until = startedAt + seconds * 1_000;
  const client = async (_: unknown, slot: number) => {
    for (;;) {
      const sentAt = performance.now();
      if (sentAt >= until) return;
      await operation(slot, next());
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  return { seconds: (performance.now() - startedAt) / 1_000, requests: latencies.length, latencies };
}

function summarize(rounds: readonly Round[]): Figures {
  const cpus = rounds.map(({ cpu, requests }) => cpu / requests);
  const latencies = rounds.flatMap((round) => round.latencies);
  const fine = (value: number) => Number(value.toPrecision(4));
  return {
    cpu: fine(median(cpus)),
    cpuLeast: fine(Math.min(...cpus)),
    cpuMost: fine(Math.max(...cpus)),
    perSecond: fine(median(rounds.map(({ requests, seconds }) => requests / seconds))),
    p50: fine(quantile(latencies, 0.5)),
    p99: fine(quantile(latencies, 0.99)),
    requests: latencies.length,
  };
}

/** Counts the storage calls of one operation, after a warm-up. */
async function countTrips(name: CaseName, entrant: Entrant): Promise<Trips> {
  const runner = await enter(name, entrant, true);
  if (runner === undefined) throw new Error(`${entrant.contestant.name} has no case ${name}.`);
  const { client } = runner.running;
  const read = () => client.read({ path: COUNTS_PATH });
  const counted: Trips[] = [];
  await pause(SETTLE_MILLISECONDS);
  await read();
  for (let index = 0; index < COUNTED; index++) {
    await runner.operation(0, runner.next());
    await pause(SETTLE_MILLISECONDS / 4);
    counted.push((await read()) as unknown as Trips);
  }
  await runner.running.stop();
  const of = (member: keyof Trips) => Math.round(median(counted.map((trips) => trips[member])));
  return { sequential: of("sequential"), total: of("total"), rowsRead: of("rowsRead"), rowsWritten: of("rowsWritten") };
}
