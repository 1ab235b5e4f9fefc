/** Every route, while each of its calls to a binding goes wrong in every way. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { endpointsOf } from "../../src/endpoints.ts";
import { revocationKey } from "../../src/sessions/revocation-record.ts";
import { type Answer, expectProblem } from "../support/client.ts";
import { Calls, FAULT_TEXT, FAULTS, type Fault, type Plan } from "../support/faults.ts";
import { eventsOf, mailAbout } from "../support/people.ts";
import { carryOutLeft } from "../support/services.ts";
import { untilKeyIsKnown } from "./cast.ts";
import type { Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";
import { sendWithFault, VALUES } from "./send.ts";
import { KINDS, Table } from "./table.ts";

const endpoints = endpointsOf(parseConfig({ ...env, ...VALUES }));
const endpointOf = (name: string) => endpoints.find(({ id }) => id === name.split(" ")[0]);

const { isThorough } = inject("faults");

/** With the value n, a fault is tried at every nth call. Above 1 only for faults that are much like another fault. */
const EVERY: Record<Fault, number> = isThorough
  ? { before: 1, after: 1, slow: 1, stuck: 1, lost: 1, evicted: 1 }
  : { before: 1, after: 2, slow: 4, stuck: 1, lost: 3, evicted: 1 };

const FLOOD_SHIELD = "FLOOD_SHIELD.limit";

const tried = new Table("calls of routes");
let evictions = 0;
/** What objects have reported. Checked at the end, because the queue of events waits a second before each batch. */
const reported: NonNullable<Scenario["reported"]>[] = [];
/** The tests must have tried more calls than this. There are far more. */
const LEAST = 500;

it("has a scenario for every route", () => {
  const named = new Set(Object.keys(SCENARIOS).map((name) => endpointOf(name)?.id ?? `no route: ${name}`));
  expect([...named].sort()).toEqual(endpoints.map(({ id }) => id).sort());
});

beforeAll(async () => {
  await untilKeyIsKnown();
  // After these requests there is a signing key. Their isolate knows the key and the list of common passwords.
  for (const path of ["/.well-known/jwks.json", "/health"]) await sendWithFault({ method: "GET", path });
  const body = { password: "a fine password, for now" };
  await sendWithFault({ method: "POST", path: "/api/v1/auth/password-strength", body });
});

describe("with any call gone wrong, the answer is the usual one or a clean problem, nothing is half-done, and a retry succeeds:", () => {
  it.each(Object.entries(SCENARIOS))(
    "%s",
    async (name, prepare) => {
      const success = String(endpointOf(name)?.answers[0]?.status);
      const usual = await prepare();
      const { answer, calls } = await sendWithFault(usual);
      expect(answer && outcomeOf(answer), answer?.text).toBe(usual.refusal ?? success);
      if (usual.isDone !== undefined || usual.bearer !== undefined) {
        const used = calls.names.filter((call) => call !== FLOOD_SHIELD);
        expect(used.length, "calls that can go wrong").toBeGreaterThan(0);
      }
      const unsound: string[] = [];
      for (const fault of KINDS) {
        for (const [index, call] of calls.names.entries()) {
          if (fault === "evicted" && index > 0) break;
          if (index % EVERY[fault] !== EVERY[fault] - 1) continue;
          // This call comes first on every route, and is always the same. So try it only on routes without other calls.
          if (call === FLOOD_SHIELD && calls.names.length > 1 && fault !== "evicted") continue;
          if (fault === "after" && calls.reads.has(index) && !isThorough) continue;
          if (fault === "stuck" && !(usual.hasTimeLimits || call === "fetch")) continue;
          const where = `${name}: call ${index + 1} of ${calls.names.length}, ${call}, ${FAULTS[fault]}`;
          // This also restores the clock, which a slow call has moved.
          vi.restoreAllMocks();
          const scenario = await prepare();
          const asUsual = scenario.refusal ?? success;
          await expectSound({ ...scenario, asUsual }, { at: index + 1, fault }, where).catch((error: Error) =>
            unsound.push(error.message),
          );
          tried.count(name, fault);
        }
      }
      expect(unsound).toEqual([]);
    },
    300_000,
  );
});

it("lets the object report what it alone knows, and the event reaches the audit log", async () => {
  expect(reported.length).toBeGreaterThan(0);
  for (const { type, userId } of reported) await eventsOf(userId, type);
});

it("has tried enough to mean something", () => {
  expect(tried.total).toBeGreaterThan(LEAST);
  expect(evictions).toBeGreaterThan(0);
});

/** A scenario with the usual outcome of its request. */
type Tried = Scenario & { asUsual: string };

/** The code of a problem, otherwise the status. */
const outcomeOf = ({ status, json }: Answer): string => json?.code ?? String(status);

async function expectSound(scenario: Tried, plan: Plan, where: string): Promise<void> {
  const { fault } = plan;
  const before = await stateOf(scenario);
  const { answer, calls } = await sendWithFault(scenario, plan);
  expect(calls.hasStruck, where).toBe(true);
  evictions += calls.evictions;
  if (answer === undefined) expect(fault === "lost" || scenario.isStreamed, where).toBe(true);
  else await expectUsualOrClean(answer, scenario, fault, where);

  const { isDone = async () => true, whenDone } = scenario;
  const wasDone = await isDone();
  const isAcknowledged = answer !== undefined && outcomeOf(answer) === scenario.asUsual;
  if (isAcknowledged) expect(wasDone, `${where}: what was acknowledged is done`).toBe(true);
  if (!wasDone) expect(await stateOf(scenario), `${where}: nothing is half-done`).toEqual(before);

  if (scenario.event !== undefined) {
    expect(await countOf(scenario.event), `${where}: recorded with the change`).toBe(wasDone ? 1 : 0);
  }

  const queued = [...calls.queued];
  if (!isAcknowledged || (fault === "lost" && scenario.isMadeUpFor)) {
    const retried = await sendWithFault(scenario);
    queued.push(...retried.calls.queued);
    const { again = scenario.asUsual } = scenario;
    const isRepeated = wasDone && scenario.isDone !== undefined;
    const outcome = retried.answer && outcomeOf(retried.answer);
    expect(outcome, `${where}: the answer to the retry`).toBe(isRepeated ? again : scenario.asUsual);
  }
  const later = new Calls();
  await carryOutLeft(later.bindings);
  queued.push(...later.queued);
  expect(await isDone(), `${where}: done after the retry`).toBe(true);
  await inContext(where, async () => whenDone?.(fault));
  await expectConsequences(scenario, queued, where);
}

/** The user's row in D1, and their live sessions. */
async function stateOf({ userId }: Scenario) {
  if (userId === undefined) return undefined;
  const row = await env.DB.prepare("SELECT * FROM users WHERE id = ?").bind(userId).first();
  const sessions = await env.USER_SESSIONS.getByName(userId).list();
  return { row, sessions: sessions.map(({ id, generation }) => ({ id, generation })) };
}

async function expectUsualOrClean(answer: Answer, scenario: Tried, fault: Fault, where: string): Promise<void> {
  if (outcomeOf(answer) === scenario.asUsual) return;
  expect(["before", "after", "stuck", "lost"], `${where}: ${answer.status} ${answer.text}`).toContain(fault);
  expect(answer.status, where).toBe(503);
  expect(Number(answer.headers.get("Retry-After")), where).toBeGreaterThan(0);
  expect(answer.text + JSON.stringify([...answer.headers]), where).not.toContain(FAULT_TEXT);
  if (scenario.hasOwnFailure) return;
  await inContext(where, async () => expectProblem(answer, 503, "unavailable"));
  expect(Object.keys(answer.json).sort(), where).toEqual(["code", "detail", "request_id", "status", "title", "type"]);
}

async function countOf({ type, userId }: NonNullable<Scenario["event"]>): Promise<number | undefined> {
  const id = typeof userId === "string" ? userId : await userId();
  const query = "SELECT count(*) AS `count` FROM audit_events WHERE type = ? AND user_id = ?";
  return (await env.DB.prepare(query).bind(type, id).first<{ count: number }>())?.count;
}

async function expectConsequences(scenario: Scenario, queued: Calls["queued"], where: string): Promise<void> {
  const { event, mails = [], repeats, reported: report, revoked } = scenario;
  if (event !== undefined && !repeats) expect(await countOf(event), `${where}: ${event.type} is recorded once`).toBe(1);
  const kinds = queued.filter(({ queue }) => queue === "MAIL_QUEUE").map(({ body }) => kindOf(body));
  for (const kind of mails) expect(kinds, `${where}: the email is queued`).toContain(kind);
  if (revoked !== undefined) await expectRevoked(revoked, where);
  if (report === undefined) return;
  // If the call did not report, the alarm does.
  await runDurableObjectAlarm(env.USER_SESSIONS.getByName(report.userId));
  await inContext(where, () => mailAbout(report.email, report.subject));
  reported.push(report);
}

async function expectRevoked({ userId, sessionId, role }: NonNullable<Scenario["revoked"]>, where: string) {
  await runDurableObjectAlarm(env.USER_SESSIONS.getByName(userId));
  const record = await env.REVOCATIONS.get<{ sessions: object; role?: string }>(revocationKey(userId), "json");
  if (sessionId !== undefined) {
    expect(Object.keys(record?.sessions ?? {}), `${where}: KV has the revocation`).toContain(sessionId);
  }
  if (role !== undefined) expect(record?.role, `${where}: KV has the role`).toBe(role);
}

const kindOf = (body: unknown) => (body as { event: { kind: string } }).event.kind;

async function inContext(where: string, check: (() => Promise<unknown>) | undefined): Promise<void> {
  try {
    await check?.();
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

afterAll(() => tried.print());
