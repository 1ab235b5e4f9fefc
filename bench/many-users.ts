/**
 * `npm run bench:users`: measures the CPU time of whole requests with few and with many users and audit events. Each
 * service runs on its own local workerd. Writes many-users.json, from which `npm run docs:scaling` fills in
 * docs/scaling.md.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { memoryFolder } from "../test/support/memory-folder.ts";
import type { Setting } from "./cases.ts";
import { type Database, PREFIX, type Preparation } from "./contestant.ts";
import { makeRunner, measureRounds } from "./measure.ts";
import { postern, reading } from "./postern.ts";
import { printTable } from "./report.ts";
import type { Figures } from "./results.ts";
import { build, type Running, start, stopAll } from "./start.ts";

const CONCURRENCY = 32;
const RESULTS = "bench/many-users.json";

export const ROUTES: Readonly<Record<string, Preparation | undefined>> = {
  login: postern.cases.login,
  "`GET /users/me`": postern.cases.me,
  refresh: postern.cases.refresh,
  "list of users": reading("/api/v1/users/?limit=20"),
  "users whose names begin with what all begin with": reading(`/api/v1/users/?q=${PREFIX}&limit=20`),
  "the user with an email address": reading(`/api/v1/users/lookup?email=${PREFIX}500@example.com`),
  "audit events of a type": reading("/api/v1/audit-events?type=password_changed&limit=20"),
};

/** The figures of each route, in the order of `users`. */
export interface ManyUsers {
  users: number[];
  run: { rounds: number; seconds: number };
  routes: Record<string, Figures[]>;
}

const say = (text: string) => process.stdout.write(`${text}\n`);

async function measure(users: number[], run: ManyUsers["run"]): Promise<ManyUsers> {
  const bundle = await build(postern);
  const services: Running[] = [];
  for (const count of users) {
    say(`Adding ${count.toLocaleString("en-US")} users and as many audit events`);
    const setting: Setting = { limits: false, users: count, hash: "cheap" };
    const running = await start(postern, bundle, setting);
    await addEvents(running.database, count);
    services.push(running);
  }
  const routes: ManyUsers["routes"] = {};
  for (const [route, prepare] of Object.entries(ROUTES)) {
    if (prepare === undefined) throw new Error(`Postern has no case for ${route}.`);
    say(`Measuring ${route}`);
    const runners = [];
    for (const running of services) runners.push(await makeRunner(postern.name, running, prepare));
    const figures = await measureRounds(runners, [CONCURRENCY], run);
    routes[route] = figures.flatMap((each) => each[CONCURRENCY] ?? []);
  }
  return { users, run, routes };
}

/** Adds one event for each user. The events are a second apart, and one in a hundred has a rare type. */
async function addEvents(database: Database, count: number): Promise<void> {
  await database.exec(
    `INSERT INTO audit_events (id, type, occurred_at, actor_id, user_id)
       WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${count}),
         event(i, at) AS (SELECT i, 1600000000000 + i * 1000 FROM n)
       SELECT printf('%08x-%04x-7000-8000-%012x', at >> 16, at & 65535, i),
         iif(i % 100 = 0, 'password_changed', 'login_succeeded'), at, users.id, users.id
       FROM event CROSS JOIN users ON users.rowid = i + 1`,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      users: { type: "string", default: "1000,1000000" },
      rounds: { type: "string", default: "7" },
      seconds: { type: "string", default: "1.2" },
      out: { type: "string", default: RESULTS },
    },
  });
  const run = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
  const results = await measure(values.users.split(",").map(Number), run);
  writeFileSync(values.out, `${JSON.stringify(results, undefined, 2)}\n`);
  const range = ({ cpu, cpuLeast, cpuMost }: Figures) =>
    [cpu, cpuLeast, cpuMost].map((each) => each.toPrecision(2)).join(" ");
  const rows = Object.entries(results.routes).map(([route, figures]) => [route, ...figures.map(range)]);
  say(`\n${printTable([["CPU ms: median, least, most", ...results.users.map(String)], ...rows])}`);
}

if (import.meta.main) {
  // Keeps temporary files in memory. On a disk, the bench would measure the speed of the disk too.
  const inMemory = memoryFolder();
  if (inMemory !== undefined) process.env.TMPDIR = inMemory;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void stopAll().finally(() => process.exit(1)));
  }
  await main().finally(stopAll);
}
