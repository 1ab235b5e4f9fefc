/**
 * Kills a service again and again in the middle of mixed traffic, and starts it again on the same state and port. After
 * each start, the service must know everything that it has acknowledged (examine.ts).
 */
import { setTimeout as pause } from "node:timers/promises";
import { createSeededRandom } from "../measure/seeded-random.ts";
import { mailedToken } from "../node/live-person.ts";
import { type Clone, changeDatabase, type Prepared, type Service } from "../node/live-service.ts";
import { type Account, liveSessions, newAccount, newestAccess, type Session } from "./account.ts";
import { ask } from "./client.ts";
import { type Command, GRACE_SECONDS, login, register, verify } from "./commands.ts";
import { examine, type Verdict } from "./examine.ts";
import { damages, revokedSessions } from "./stored.ts";
import { Client, type Kept, type Traffic } from "./traffic.ts";

export interface Crashing {
  kills: number;
  seed: number;
  clients: number;
  /** The maximum of acknowledged commands before a kill. It is a count, so that a slow machine does as much work. */
  mostCommands: number;
  /** Milliseconds after which no further round (traffic, kill, examination) begins. */
  mostTime: number;
  say(line: string): void;
  /** Changes the state of the killed service, before it starts again. */
  whileDown?(service: Service): void;
}

export interface Report {
  faults: string[];
  kills: number;
  accounts: number;
  /** How often each command was acknowledged. */
  acknowledged: Map<string, number>;
  verdicts: Map<Verdict, number>;
  /** How many answers were judged after a start. */
  judged: number;
}

const FLAGS = [
  "RATE_LIMITING:off",
  `REFRESH_GRACE_SECONDS:${GRACE_SECONDS}`,
  "HASH_LANE_LENGTH:64",
  "LOG_LEVEL:error",
  // The operator logs in only once, at the start.
  "REAUTHENTICATION_MAX_AGE_MINUTES:1440",
];
/** The maximum of milliseconds between the last awaited command and the kill. */
const MOST_DELAY = 50;
/** The maximum of milliseconds until a kill. */
const LONGEST_ROUND = 60_000;
/**
 * The most time that revocations need to reach KV. An alarm retries the copy after a second, then after longer pauses.
 * If a kill came between the change in D1 and the call of the user's object, the cron job calls the object, at least a
 * minute after the change.
 */
const COPYING_MILLISECONDS = 120_000;
/** How many accounts are examined at once. */
const AT_ONCE = 8;

export async function crashAgainAndAgain(clone: Clone, prepared: Prepared, crashing: Crashing): Promise<Report> {
  const { kills, seed, mostCommands, say } = crashing;
  const startedAt = performance.now();
  const random = createSeededRandom(seed);
  const clients = Array.from(
    { length: crashing.clients },
    (_, index) => new Client(`client-${index + 1}`, createSeededRandom(random.below(2 ** 31))),
  );
  const report: Report = { faults: [], kills: 0, accounts: 0, acknowledged: new Map(), verdicts: new Map(), judged: 0 };
  const flags = FLAGS.flatMap((value) => ["--var", value]);
  let service = await clone.serve(flags, undefined, prepared);
  const port = Number(new URL(service.origin).port);
  const superuser: Kept = { account: await makeSuperuser(service) };
  const everybody = () => [superuser, ...clients.flatMap(({ accounts }) => accounts)];
  /** The sessions that were found ended. They are examined again only at the very end. */
  const buried = new Set<string>();

  while (report.kills < kills && report.faults.length === 0) {
    if (performance.now() - startedAt > crashing.mostTime) break;
    const moment = { commands: 1 + random.below(mostCommands), delay: random.below(MOST_DELAY) };
    const done = await useAndKill(service, clients, superuser, moment, report);
    crashing.whileDown?.(service);
    service = await clone.serve(flags, service.state, prepared, port);
    const before = report.judged;
    await examineAll(service, everybody(), report, ({ id }) => buried.has(id));
    for (const { account } of everybody()) for (const { id } of endedSessions(account)) buried.add(id);
    const judged = `${report.judged - before} answers about ${everybody().length} accounts judged`;
    say(`Kill ${report.kills} of ${kills}, after ${done} commands: ${judged}.`);
  }
  report.accounts = everybody().length;
  if (report.faults.length === 0) {
    say(`Asking for all ${buried.size} sessions that are over once more.`);
    await examineAll(service, everybody(), report, () => false);
    report.faults.push(...(await missingCopies(service, everybody())));
    if (report.kills < kills) report.faults.push(`There was time for ${report.kills} of ${kills} kills only.`);
  }
  await service.stop();
  report.faults.push(...damages(service.state));
  return report;
}

const endedSessions = ({ sessions }: Account) => sessions.filter(({ isAlive }) => !isAlive);

/**
 * Lets the clients use the service until it has acknowledged `commands` or a client finds a fault. Kills the service
 * after `delay` more milliseconds. Returns how many commands the service acknowledged.
 */
async function useAndKill(
  service: Service,
  clients: readonly Client[],
  { account }: Kept,
  { commands, delay }: { commands: number; delay: number },
  report: Report,
): Promise<number> {
  let isKilled = false;
  let done = 0;
  const isTime = Promise.withResolvers<void>();
  const [session] = liveSessions(account);
  const traffic: Traffic = {
    origin: service.origin,
    operator: session === undefined ? "" : newestAccess(session),
    isKilled: () => isKilled,
    acknowledged(name) {
      increment(report.acknowledged, name);
      done += 1;
      if (done === commands) isTime.resolve();
    },
    fault(text) {
      report.faults.push(`Before kill ${report.kills + 1}: ${text}`);
      isTime.resolve();
    },
  };
  const used = Promise.all(clients.map((client) => client.use(traffic)));
  await Promise.race([isTime.promise, pause(LONGEST_ROUND, undefined, { ref: false }), used]);
  await pause(delay);
  isKilled = true;
  await Promise.all([service.kill(), used]);
  report.kills += 1;
  return done;
}

async function examineAll(
  { origin }: Service,
  everybody: readonly Kept[],
  report: Report,
  isSpared: (session: Session) => boolean,
): Promise<void> {
  const waiting = [...everybody];
  const work = async () => {
    for (let kept = waiting.pop(); kept !== undefined; kept = waiting.pop()) {
      const { account, faults, judged, verdict } = await examine(origin, kept.account, kept.lost, isSpared);
      report.faults.push(...faults.map((fault) => `After kill ${report.kills}: ${fault}`));
      report.judged += judged;
      if (verdict !== undefined) increment(report.verdicts, verdict);
      kept.account = account;
      kept.lost = undefined;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Finds ended sessions that KV does not have. Runs the cron job meanwhile, because no trigger runs it here. */
async function missingCopies({ origin, state }: Service, everybody: readonly Kept[]): Promise<string[]> {
  const until = performance.now() + COPYING_MILLISECONDS;
  for (;;) {
    await ask(origin, { method: "GET", path: "/cdn-cgi/handler/scheduled" });
    const missing = everybody.flatMap(({ account }) => {
      const copied = revokedSessions(state, account);
      const lacking = endedSessions(account).filter(({ id }) => !copied.includes(id));
      return lacking.map(({ id }) => `${account.username}: KV does not know that session ${id} has ended.`);
    });
    if (missing.length === 0 || performance.now() > until) return missing;
    await pause(1_000);
  }
}

/** Creates a superuser. The flag has to be set in the database. */
async function makeSuperuser(service: Service): Promise<Account> {
  const { origin } = service;
  const carryOut = async ({ name, asked, acknowledged, after }: Command) => {
    const { said, body } = await ask(origin, asked);
    if (said !== acknowledged) throw new Error(`"${name}" was answered ${said}.`);
    return after(body);
  };
  const registered = await carryOut(register(newAccount("operator")));
  const verified = await carryOut(verify(registered, await mailedToken(origin, registered.email)));
  changeDatabase(service, `UPDATE users SET role = 'admin', is_superuser = 1 WHERE email = '${verified.email}'`);
  return carryOut(login({ ...verified, role: "admin" }));
}

function increment<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
