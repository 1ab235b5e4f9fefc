/**
 * Lets people use a service for a long time, while years pass on the service's clock (quick-clock.ts). The
 * service's storage and memory must not grow. After the last request, the service must delete by itself everything that
 * has a lifetime.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { ask } from "../crash/client.ts";
import { createSeededRandom } from "../measure/seeded-random.ts";
import type { Clone, Prepared, Service } from "../node/live-service.ts";
import { freePort } from "../node/loopback.ts";
import { heldBytes, residentBytes } from "./memory.ts";
import { createPeople } from "./people.ts";
import { putClock, QUICK_VALUES, type QuickClock, quickClock } from "./quick-clock.ts";
import { createStorageReader, type Stored } from "./stored.ts";

interface Soaking {
  /** Milliseconds. */
  duration: number;
  /** The milliseconds in which a year passes for the service. */
  year: number;
  /** How many logins must have succeeded before the run ends. On a slow machine, the run then takes longer. */
  leastLogins?: number;
  /** How many people use the service at once. */
  people: number;
  /** The mean pause between two requests of one person, in milliseconds. */
  rest: number;
  windows: number;
  seed: number;
  /** The built pages, and a state whose database has every table. If they are missing, both are created. */
  prepared?: Pick<Prepared, "assets" | "state">;
  /** Called with each window when it is over. */
  tell(window: Window): void;
}

export interface Window extends Stored {
  number: number;
  /** Milliseconds that each answer took. */
  times: number[];
  /** Bytes that the Worker holds after a garbage collection. */
  held: number;
  /** Bytes of the processes in memory. Absent if the system does not show them. */
  memory?: number;
}

export interface Soaked {
  windows: Window[];
  people: number;
  /** How often each answer came, by texts such as `log in 200`. */
  answers: Map<string, number>;
  faults: string[];
  /** What is stored at the end, when everything that has a lifetime should be gone. */
  left: Stored;
}

/** The names of the rows that have a lifetime: rows of D1, and rows of all objects of a class. */
export const MORTAL = [
  "unverified users",
  "registrations",
  "audit_events",
  "follow_ups",
  "retired_usernames",
  "UserSessions",
  "RateLimiter",
  "LoginGuard",
];

/** Rows that may be missing from every window, because they live for less than a window. */
const FLEETING = ["follow_ups", "retired_usernames", "RateLimiter"];

/** The shortest time between two runs of the cron job, in milliseconds. */
const CRON_PAUSE = 500;
/** How long a slow machine may take beyond the lifetimes, in milliseconds. */
const PATIENCE = 60_000;

export async function soak(clone: Clone, soaking: Soaking): Promise<Soaked> {
  const { duration, windows: count, leastLogins = 0 } = soaking;
  const clock = quickClock(soaking.year);
  putClock(clone, clock);
  const inspectorPort = await freePort();
  const flags = [`--inspector-port=${inspectorPort}`, ...QUICK_VALUES.flatMap((value) => ["--var", value])];
  const service = await clone.serve(flags, undefined, await clone.prepare(soaking.prepared));
  const { read } = createStorageReader(service.state);
  const links = openLinks(service);
  const [answers, faults, windows]: [Map<string, number>, string[], Window[]] = [new Map(), [], []];
  let times: number[] = [];
  let isOver = false;
  const people = createPeople({
    origin: service.origin,
    random: createSeededRandom(soaking.seed),
    rest: soaking.rest,
    linkFor: links.linkFor,
    isOver: () => isOver,
    answered(name, { said }, milliseconds) {
      answers.set(`${name} ${said}`, (answers.get(`${name} ${said}`) ?? 0) + 1);
      times.push(milliseconds);
      if (!/^[24]/.test(said)) faults.push(`"${name}" was answered ${said}.`);
    },
  });
  const use = Promise.all([
    ...Array.from({ length: soaking.people }, () => people.come()),
    runCron(service, clock, () => isOver),
  ]);
  const hasEnough = () => (answers.get("log in 200") ?? 0) >= leastLogins;
  const mostWindows = 10 * count;
  for (let number = 1; number <= count || (!hasEnough() && number <= mostWindows); number++) {
    // `use` ends before the pause only if something fails.
    await Promise.race([pause(duration / count), use]);
    const memory = residentBytes(clone.folder);
    const held = await heldBytes(inspectorPort);
    const window = { number, times, held, ...(await read()), ...(memory === undefined ? {} : { memory }) };
    times = [];
    windows.push(window);
    soaking.tell(window);
  }
  if (!hasEnough()) faults.push(`Fewer than ${leastLogins} logins succeeded.`);
  isOver = true;
  await use;
  links.close();
  const left = await waitForTheEnd(service, read, clock);
  await service.stop();
  faults.push(...missing({ answers, windows, left }));
  return { windows, people: people.made(), answers, faults, left };
}

/** Checks that something happened and was measured. Without any data, nothing grows, and the run proves nothing. */
export function missing({ answers, windows, left }: Pick<Soaked, "answers" | "windows" | "left">): string[] {
  const faults = answers.has("log in 200") ? [] : ["No login succeeded."];
  const expected = MORTAL.filter((name) => !FLEETING.includes(name));
  const unseen = expected.filter((name) => !windows.some(({ rows }) => (rows[name] ?? 0) > 0));
  faults.push(...unseen.map((name) => `No window has rows of ${name}.`));
  const unread = MORTAL.filter((name) => left.rows[name] === undefined);
  faults.push(...unread.map((name) => `${name} can't be read.`));
  // Users have no lifetime, and every key gets a successor, so there must be rows of both.
  const lost = ["users", "signing_keys"].filter((name) => !((left.rows[name] ?? 0) > 0));
  return [...faults, ...lost.map((name) => `There are no rows of ${name} in the end.`)];
}

async function runCron(service: Service, { minute }: QuickClock, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await fireCron(service);
    await pause(Math.max(CRON_PAUSE, minute));
  }
}

async function fireCron({ origin }: Service): Promise<void> {
  const { said } = await ask(origin, { method: "GET", path: "/cdn-cgi/handler/scheduled" });
  if (said !== "200") throw new Error(`The cron job failed: ${said}.`);
}

/** Waits without requests: only the cron job and the objects' alarms can now delete what has outlived its lifetime. */
async function waitForTheEnd(service: Service, read: () => Promise<Stored>, { day }: QuickClock): Promise<Stored> {
  const until = performance.now() + 2 * 365 * day + PATIENCE;
  for (;;) {
    await fireCron(service);
    const stored = await read();
    if (MORTAL.every((name) => stored.rows[name] === 0) || performance.now() > until) return stored;
    await pause(CRON_PAUSE);
  }
}

/** Reads the links in emails directly from the database: asking the service for its whole outbox would be too slow. */
function openLinks({ state }: Service) {
  const [file = ""] = globSync(join(state, "v3/d1/*/*.sqlite")).filter((path) => !path.endsWith("metadata.sqlite"));
  const database = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
  const newest = database.prepare("SELECT `text` FROM `outbox` WHERE `recipient` = ? ORDER BY `sent_at` DESC LIMIT 1");
  return {
    linkFor: (email: string) => /#token=([\w-]+)/.exec(String(newest.get(email)?.text))?.[1],
    close: () => database.close(),
  };
}
