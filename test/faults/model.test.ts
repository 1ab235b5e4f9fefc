/**
 * Sends random requests of several clients about one user, some with faults, and compares the outcomes with a model.
 */
import fc from "fast-check";
import { beforeAll, expect, inject, it, vi } from "vitest";
import { tryLogin } from "../support/account.ts";
import { appWith } from "../support/client.ts";
import { print } from "../support/logs.ts";
import { newPerson } from "../support/people.ts";
import { Asking, AskingAtOnce, atOnce, struck } from "./asking.ts";
import { untilKeyIsKnown, visitor } from "./cast.ts";
import { NO_ACCOUNT, step } from "./model.ts";
import { emailOf, type Known, passwordOf, type Service } from "./prepare.ts";

const { runs, seed } = inject("faults");

/** A kind that is listed more often is chosen more often. */
const kinds = fc.constantFrom(
  ...(["register", "register", "verify", "verify", "login", "login", "login", "login"] as const),
  ...(["refresh", "refresh", "refresh", "refresh", "refresh", "refresh", "refresh", "refresh", "wait"] as const),
  ...(["changePassword", "reset", "move", "suspend", "reinstate", "reinstate", "promote", "demote"] as const),
  ...(["logout", "logoutEverywhere", "leave", "remove"] as const),
);
const plans = fc.option(
  fc.record({ at: fc.integer({ min: 1, max: 14 }), fault: fc.constantFrom("before", "after", "lost", "evicted") }),
  { nil: undefined },
);
const asking = fc.tuple(kinds, fc.nat(29), plans).map((parts) => new Asking(...parts));
/** What two clients do at once. Each of these is a single request. */
const concurrent = fc.constantFrom(
  ...(["login", "login", "refresh", "refresh", "refresh", "changePassword", "reset", "logout"] as const),
  ...(["logoutEverywhere", "suspend", "reinstate", "promote", "demote", "leave", "remove"] as const),
);
const alone = fc.tuple(concurrent, fc.nat(29)).map(([kind, pick]) => new Asking(kind, pick, undefined));
const pairs = fc.tuple(alone, alone).map((both) => new AskingAtOnce(...both));
const unlimited = appWith({ RATE_LIMITING: "off" });

beforeAll(untilKeyIsKnown);

it(
  "accepts no token that the model calls dead, refuses none that it calls alive, and loses no acknowledged change",
  async () => {
    const sequences = fc.commands([asking, asking, asking, pairs], { maxCommands: 80, size: "max" });
    await fc.assert(
      fc.asyncProperty(sequences, fc.boolean(), async (commands, isLimited) => {
        vi.restoreAllMocks();
        const { accessToken } = await visitor("superuser");
        const known: Known = { worlds: [NO_ACCOUNT], held: [], chosen: 0 };
        const name = newPerson().username;
        const service: Service = { name, link: undefined, waited: 0, isLimited, operator: accessToken };
        const start = ["register", "verify"] as const;
        for (const kind of start) await new Asking(kind, 0, undefined).run(known, service);
        await fc.asyncModelRun(() => ({ model: known, real: service }), commands);
        await expectLogin(known, service);
      }),
      { numRuns: runs, seed, endOnFailure: true },
    );
    expect(struck.total, "calls that went wrong").toBeGreaterThan(runs);
    expect(atOnce.count, "requests at the same time").toBeGreaterThan(runs);
    print(`${runs} sequences, with two requests at once ${atOnce.count} times`);
    struck.print();
  },
  60_000 + runs * 20_000,
);

/** Expects that a login with the email address and the password of the model has the outcome of the model. */
async function expectLogin({ worlds }: Known, { name }: Service): Promise<void> {
  for (const { account, email, password } of worlds.slice(0, 1)) {
    if (account !== "verified") return;
    const { json, status } = await tryLogin(
      { email: emailOf(name, email), password: passwordOf(password) },
      {},
      unlimited,
    );
    const expected = worlds.map((world) => step(world, { kind: "login", email, password }).outcome);
    expect(expected).toContain(status === 200 ? "ok" : json.code);
  }
}
