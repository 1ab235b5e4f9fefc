/**
 * Sends one request of a sequence, or two at once, to the service. The model must allow the outcomes.
 */
import type fc from "fast-check";
import { expect } from "vitest";
import { readMe, refresh } from "../support/account.ts";
import { type Answer, appWith, call } from "../support/client.ts";
import { type Fault, moveClock, type Plan } from "../support/faults.ts";
import { newPerson } from "../support/people.ts";
import { carryOutLeft } from "../support/services.ts";
import { accepts, NO_ACCOUNT, type Request, step, type World } from "./model.ts";
import { type Known, prepare, type Service } from "./prepare.ts";
import { sendWithFault } from "./send.ts";
import { Table } from "./table.ts";

/** Counts the requests in which a call went wrong, and how often two requests were sent at once. */
export const struck = new Table("requests of the model");
export const atOnce = { count: 0 };

/** For requests that are sent at the same time. None of their calls goes wrong. */
const senders = { limited: appWith({}), unlimited: appWith({ RATE_LIMITING: "off" }) };

/** How the service refuses a request if another request changed the state after the client, or the service, read it. */
const OVERTAKEN: Partial<Record<Request["kind"], string>> = {
  login: "invalid_credentials",
  reset: "invalid_token",
  ...{ suspend: "precondition_failed", reinstate: "precondition_failed", remove: "precondition_failed" },
  leave: "precondition_failed",
  ...{ promote: "precondition_failed", demote: "precondition_failed" },
};

const VERIFIED = ["reset", "suspend", "reinstate", "promote", "demote", "remove", "login", "wait"];

export class Asking implements fc.AsyncCommand<Known, Service> {
  readonly #kind: Request["kind"];
  readonly #pick: number;
  readonly #plan: Plan | undefined;

  constructor(kind: Request["kind"], pick: number, plan: { at: number; fault: Fault } | undefined) {
    this.#kind = kind;
    this.#pick = pick;
    this.#plan = plan;
  }

  check({ worlds, held }: Readonly<Known>): boolean {
    const isOne = (...accounts: World["account"][]) => worlds.every(({ account }) => accounts.includes(account));
    if (this.#kind === "register") return isOne("none", "waiting");
    if (this.#kind === "verify") return worlds.some(({ account }) => account === "waiting");
    return VERIFIED.includes(this.#kind) ? isOne("verified") : held.length > 0;
  }

  async run(known: Known, service: Service): Promise<void> {
    const request = this.requestOf(known);
    if (request.kind === "wait") {
      service.waited += 31_000;
      moveClock(service.waited);
      return learn(known, [request], ["ok"], `${this}`);
    }
    // The username of a deleted account stays reserved, so another person registers. `known` keeps the tokens of the
    // former person.
    if (request.kind === "register" && known.worlds.every(({ account }) => account === "none")) {
      Object.assign(service, { name: newPerson().username, link: undefined });
    }
    const prepared = await prepare(request, service, known);
    // The request can't be made, because nothing is stored for it. Only worlds (possible states) that refuse it remain.
    if (typeof prepared === "string") return learn(known, [request], [prepared], `${this}`);
    const { answer, calls } = await sendWithFault({ isUnlimited: !service.isLimited, ...prepared }, this.#plan);
    const outcome = noteTokens(answer, request, known);
    if (calls.hasStruck && this.#plan !== undefined) struck.count(request.kind, this.#plan.fault);
    if (outcome === "unavailable") {
      expect(calls.hasStruck, `${this} is not answered, and no call has failed`).toBe(true);
    }
    if (!service.isLimited) expect(outcome, `${this}: without limits`).not.toBe("rate_limited");
    learn(known, [request], [outcome], `${this}`);
    await observe(known, `${this}`);
    if (this.#plan === undefined) return;
    await carryOutLeft();
    await observe(known, `${this}`);
  }

  toString(): string {
    const { at, fault } = this.#plan ?? {};
    return `${this.#kind} ${this.#pick}${fault === undefined ? "" : ` (call ${at}: ${fault})`}`;
  }

  requestOf(known: Known): Request {
    const kind = this.#kind;
    const world = known.worlds[this.#pick % known.worlds.length] ?? NO_ACCOUNT;
    const { email, password } = world;
    const held = known.held[known.held.length - 1 - (this.#pick % Math.min(6, known.held.length))];
    known.chosen += 1;
    const to = known.chosen;
    switch (kind) {
      case "login":
        // Sometimes with the previous password.
        return { kind, email, password: this.#pick % 5 === 0 ? Math.max(0, password - 1) : password };
      case "reset":
        return { kind, to };
      case "refresh":
      case "logout":
      case "logoutEverywhere":
      case "move":
      case "changePassword":
      case "leave":
        if (held === undefined) throw new Error("There is no token.");
        return { kind, held, password, to };
      default:
        return { kind };
    }
  }
}

/** Two requests of different clients of one user, or of a client and an operator, at the same time. */
export class AskingAtOnce implements fc.AsyncCommand<Known, Service> {
  readonly #both: readonly Asking[];

  constructor(...both: Asking[]) {
    this.#both = both;
  }

  check(known: Readonly<Known>): boolean {
    return this.#both.every((asking) => asking.check(known));
  }

  async run(known: Known, service: Service): Promise<void> {
    const requests = this.#both.map((asking) => asking.requestOf(known));
    const prepared = await Promise.all(requests.map((request) => prepare(request, service, known)));
    const send = service.isLimited ? senders.limited : senders.unlimited;
    const answers = await Promise.all(
      prepared.map(async (each) => (typeof each === "string" ? each : call(each.method, each.path, each, send))),
    );
    const outcomes = requests.map((request, index) => {
      const answer = answers[index];
      return typeof answer === "string" ? answer : noteTokens(answer, request, known);
    });
    atOnce.count += 1;
    expect(outcomes, `${this}: without a fault`).not.toContain("unavailable");
    if (!service.isLimited) expect(outcomes, `${this}: without limits`).not.toContain("rate_limited");
    learn(known, requests, outcomes, `${this}`);
    await observe(known, `${this}`);
  }

  toString(): string {
    return this.#both.join(" ∥ ");
  }
}

/** Keeps the tokens that a successful request returns. Returns the outcome. */
function noteTokens(answer: Answer | undefined, request: Request, known: Known): string {
  const outcome = outcomeOf(answer);
  if (outcome === "ok" && answer?.json?.access_token !== undefined) {
    const { access_token: access, refresh_token, session_id: session } = answer.json;
    const generation = "held" in request ? request.held.generation + 1 : 1;
    const { role } = JSON.parse(atob(access.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    if (request.kind === "login") request.session = session;
    known.held.push({ session, generation, role, access, refresh: refresh_token });
  }
  return outcome;
}

/** Keeps only the worlds in which these outcomes are possible, with the requests in either order. */
function learn(known: Known, requests: readonly Request[], outcomes: readonly string[], what: string): void {
  const isAlone = requests.length === 1;
  const orders = isAlone
    ? [[0]]
    : [
        [0, 1],
        [1, 0],
      ];
  const worlds = known.worlds.flatMap((world) =>
    orders.flatMap((order) =>
      order.reduce<World[]>(
        (reached, index) => {
          const [request, outcome] = [requests[index], outcomes[index]];
          return request === undefined ? reached : reached.flatMap((each) => after(each, request, outcome, isAlone));
        },
        [world],
      ),
    ),
  );
  const expected = requests.map((request) => known.worlds.map((world) => step(world, request).outcome));
  expect(worlds.length, `${what} is answered with ${outcomes}, not with ${JSON.stringify(expected)}`).toBeGreaterThan(
    0,
  );
  known.worlds = distinct(worlds);
}

/** The worlds that a request with this outcome can lead to. Without an answer, the change may have been made or not. */
function after(world: World, request: Request, outcome: string | undefined, isAlone: boolean): World[] {
  const next = step(world, request);
  if (outcome === "unavailable") return [world, next.world];
  if (outcome === "rate_limited") return [world];
  if (next.outcome === outcome) return [next.world];
  return !isAlone && outcome === OVERTAKEN[request.kind] ? [world] : [];
}

/** Asks the service which tokens it accepts, and keeps the worlds that agree. */
async function observe(known: Known, what: string): Promise<void> {
  for (const held of known.held.slice(-6)) {
    const isAccepted = (await readMe(held.access)).status === 200;
    const worlds = known.worlds.filter((world) => accepts(world, held) === isAccepted);
    const claim = `after ${what} an access token of ${held.session} is ${isAccepted ? "" : "not "}accepted`;
    expect(worlds.length, `${claim}: ${JSON.stringify(known.worlds)}`).toBeGreaterThan(0);
    known.worlds = worlds;
  }
  const dead = known.held.findLast(({ session }) => known.worlds.every(({ sessions }) => !(session in sessions)));
  if (dead !== undefined) expect((await refresh(dead.refresh)).status, `${what}: a dead refresh token`).toBe(401);
}

/** `ok`, `unavailable`, or the code of a problem. Any other answer gets a name that the model does not know. */
function outcomeOf(answer: Answer | undefined): string {
  if (answer === undefined) return "unavailable";
  return answer.json?.code ?? (answer.status < 300 ? "ok" : `status ${answer.status}`);
}

function distinct(worlds: readonly World[]): World[] {
  return [...new Map(worlds.map((world) => [JSON.stringify(world), world])).values()];
}
