import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { forgotPassword, readMe, tryLogin } from "../support/account.ts";
import {
  type Answer,
  appWith,
  atOnce,
  call,
  expectProblem,
  freshAddress,
  inTurn,
  laneOf,
  post,
} from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { guess, hurried, type Name } from "../support/guesses.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  newPerson,
  type Person,
  registered,
  rowOf,
} from "../support/people.ts";
import { brokenObjects } from "../support/services.ts";

const LOGIN = "/api/v1/auth/login";
const RULE = { budget: 3, window: 30_000 };
const DAY = 86_400_000;
const fresh = () => env.LOGIN_GUARD.getByName(crypto.randomUUID());

const enter = ({ email, password }: Person, address = freshAddress()) => post(LOGIN, { email, password }, { address });

async function guessInHaste(name: () => Name, count: number): Promise<void> {
  const statuses = await inTurn(count, () => guess(name(), freshAddress(), hurried));
  expect(statuses).toEqual(Array(count).fill(401));
  // Sets the clock forward, so that any pause is over.
  vi.setSystemTime(Date.now() + 3_600_000);
}

/** Guesses until `count` guesses were checked. Waits as long as each refusal says. */
async function guessPatiently(name: () => Name, count: number): Promise<void> {
  let now = Date.now();
  for (let judged = 0; judged < count; ) {
    vi.setSystemTime(now);
    const answer = await guess(name());
    if (answer.status === 401) judged += 1;
    else now += Number(answer.headers.get("Retry-After")) * 1_000;
  }
  vi.setSystemTime(now + 3_600_000);
}

describe("guesses at one account", () => {
  it("that come 500 at once from as many places never get more than the budget through", async () => {
    const { email } = await registered();
    const answers = await atOnce(500, () => guess({ email }));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(490);
  }, 120_000);

  it("wait twice as long after each further one, for known and unknown names [LG-3, LG-5]", async () => {
    const known = await registered();
    const told: unknown[][] = [];
    for (const email of [known.email, newPerson().email]) {
      let now = Date.now();
      vi.setSystemTime(now);
      const said: (string | number | null)[][] = [];
      const note = ({ status, headers }: Answer) =>
        said.push([status, headers.get("Retry-After"), headers.get("RateLimit"), headers.get("RateLimit-Policy")]);
      for (let count = 0; count < 10; count++) note(await guess({ email }));
      expect(said.map(([status]) => status)).toEqual(Array(10).fill(401));
      for (const wait of [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]) {
        const refused = await guess({ email });
        expectProblem(refused, 429, "rate_limited");
        expect(refused.headers.get("Retry-After")).toBe(String(wait));
        note(refused);
        now += wait * 1_000;
        vi.setSystemTime(now);
        note(await guess({ email }));
        expect(said.at(-1)?.[0]).toBe(401);
      }
      told.push(said);
    }
    expect(told[0]).toEqual(told[1]);
  });

  it("are forgiven by a login that succeeds [LG-5]", async () => {
    const person = await registered();
    expect(await inTurn(9, () => guess({ email: person.email }))).toEqual(Array(9).fill(401));
    expect((await enter(person)).status).toBe(200);
    expect(await inTurn(10, () => guess({ email: person.email }))).toEqual(Array(10).fill(401));
  });

  it("do not lock the user out on a network where they have logged in before [LG-5]", async () => {
    const person = await registered();
    const home = freshAddress();
    expect((await enter(person, home)).status).toBe(200);
    await inTurn(10, () => guess({ email: person.email }));
    // Requesting a reset does not clear the count.
    expect((await forgotPassword(person.email)).status).toBe(202);
    expectProblem(await enter(person), 429, "rate_limited");
    expect((await enter(person, home)).status).toBe(200);
  });

  it("are counted apart on a network where the user has logged in before", async () => {
    const person = await registered();
    const home = freshAddress();
    await enter(person, home);
    expect(await inTurn(11, () => guess({ email: person.email }, home))).toEqual([...Array(10).fill(401), 429]);
    expect((await enter(person)).status).toBe(200);
  });

  it("cost nothing where the lane is full", async () => {
    const person = await registered();
    const full = appWith(laneOf(0));
    const { email } = person;
    const burst = await atOnce(8, () => post(LOGIN, { email, password: "a wrong password, surely" }, {}, full));
    const judged = burst.filter(({ status }) => status === 401).length;
    expect(burst.filter(({ status }) => status === 503)).toHaveLength(8 - judged);
    expect(judged).toBeLessThan(8);
    expect(await inTurn(11 - judged, () => guess({ email }))).toEqual([...Array(10 - judged).fill(401), 429]);
  });
});

describe("a hundred wrong guesses in a row", () => {
  async function blocked(guessing = guessInHaste): Promise<{ person: LoggedIn; home: string }> {
    const person = await registered();
    const home = freshAddress();
    const here = await logIn(person, {}, { address: home });
    await guessing(() => ({ email: person.email }), 100);
    await eventually(async () => expect((await rowOf(person.email))?.password_blocked_at).not.toBeNull());
    return { person: here, home };
  }

  it("stop the password everywhere but where it was used before, tell the owner, and a reset restores it [LG-3]", async () => {
    const { person, home } = await blocked(guessPatiently);
    const refused = await enter(person);
    expectProblem(refused, 401, "invalid_credentials");
    expect((await post(LOGIN, { username: person.username, password: person.password })).status).toBe(401);
    expect((await enter(person, home)).status).toBe(200);
    expect((await eventsOf(person.userId, "password_blocked")).length).toBe(1);
    const mails = await mailsTo(person.email, 2);
    expect(mails.filter(({ subject }) => subject === "Reset your Postern password")).toHaveLength(1);
    // The owner's login from home does not end the block elsewhere, because the guesses may go on.
    vi.setSystemTime(Date.now() + 3_600_000);
    expect((await enter(person)).status).toBe(401);

    expect((await forgotPassword(person.email)).status).toBe(202);
    const token = await mailedToken(person.email, 3);
    const place = freshAddress();
    const password = "another password, as good as new";
    const reset = await post("/api/v1/auth/reset-password", { token, new_password: password }, { address: place });
    expect(reset.status).toBe(204);
    expect((await enter({ ...person, password })).status).toBe(200);
    expect((await rowOf(person.email))?.password_blocked_at).toBeNull();
  }, 60_000);

  it("stop the password for a new username too", async () => {
    const { person, home } = await blocked();
    const again = await logIn(person, {}, { address: home });
    const { username } = newPerson();
    const renaming = { bearer: again.accessToken, address: home, body: { username } };
    expect((await call("PUT", "/api/v1/users/me", renaming)).status).toBe(200);
    const answer = await post(LOGIN, { username, password: person.password });
    expectProblem(answer, 401, "invalid_credentials");
    expect((await enter(person, home)).status).toBe(200);
  }, 60_000);

  it("are forgiven by a change of the password, whose place is the only known one from then on", async () => {
    const { person, home } = await blocked();
    const place = freshAddress();
    const again = await logIn(person, {}, { address: home });
    const password = "another password, as good as new";
    const change = { current_password: person.password, new_password: password };
    const path = "/api/v1/users/change-password";
    expect((await post(path, change, { bearer: again.accessToken, address: place })).status).toBe(204);
    const changed = { ...person, password };
    expect((await enter(changed)).status).toBe(200);
    await inTurn(10, () => guess({ email: person.email }));
    expect((await enter(changed, place)).status).toBe(200);
  }, 60_000);

  it("are counted over both names of the account, and neither name tells of the other", async () => {
    const person = await registered();
    const { email, username } = person;
    let turn = 0;
    await guessInHaste(() => (turn++ % 2 === 0 ? { email } : { username }), 100);
    await eventually(async () => expect((await rowOf(email))?.password_blocked_at).not.toBeNull());
    expectProblem(await enter(person), 401, "invalid_credentials");

    const other = await registered();
    await inTurn(9, () => guess({ email: other.email }));
    const { headers } = await guess({ username: other.username });
    expect(headers.get("RateLimit")).toContain('"loginPerAccount";r=9;t=0');
  }, 60_000);

  it("leave a hundredth guess that is right alone", async () => {
    const person = await registered();
    await guessInHaste(() => ({ email: person.email }), 99);
    expect((await enter(person)).status).toBe(200);
    expect((await rowOf(person.email))?.password_blocked_at).toBeNull();
  }, 60_000);

  it("do not block a name without an account", async () => {
    const { email } = newPerson();
    await guessInHaste(() => ({ email }), 100);
    expectProblem(await guess({ email }), 401, "invalid_credentials");
  }, 60_000);

  it("are forgotten with the account", async () => {
    const person = await loggedIn();
    await inTurn(10, () => guess({ email: person.email }));
    expectProblem(await guess({ email: person.email }), 429, "rate_limited");
    const body = { password: person.password };
    expect((await call("DELETE", "/api/v1/users/me", { bearer: person.accessToken, body })).status).toBe(204);
    expect((await guess({ email: person.email })).status).toBe(401);
  });
});

describe("a login without its guard", () => {
  it("is refused with 503 and no word on why", async () => {
    const person = await registered();
    const send = appWith({}, { LOGIN_GUARD: brokenObjects<typeof env.LOGIN_GUARD>() });
    const answer = await tryLogin(person, {}, send);
    expectProblem(answer, 503, "unavailable");
    expect(answer.text).not.toContain("no such object");
  });

  it("does not fail for it once the password was right", async () => {
    const person = await registered();
    let calls = 0;
    const failsLater = {
      getByName: (name: string) => {
        calls += 1;
        if (calls > 1) throw new Error("no such object");
        return env.LOGIN_GUARD.getByName(name);
      },
    } as unknown as typeof env.LOGIN_GUARD;
    const { email, password } = person;
    const answer = await post(LOGIN, { email, password }, {}, appWith({}, { LOGIN_GUARD: failsLater }));
    expect(answer.status).toBe(200);
    expect((await readMe(answer.json.access_token)).status).toBe(200);
  });
});

describe("the LoginGuard object", () => {
  it("refunds a guess that was not judged, with the pause that it caused", async () => {
    const guard = fresh();
    vi.setSystemTime(Date.now());
    for (let count = 0; count < 3; count++) await guard.take("net", RULE);
    await guard.refund("net", false);
    expect(await guard.take("net", RULE)).toMatchObject({ allowed: true, remaining: 0, resetAfter: 30_000 });
    for (let count = 0; count < 5; count++) await guard.refund("net", false);
    expect(await guard.take("net", RULE)).toMatchObject({ allowed: true, remaining: 2 });
  });

  it("takes a network that guessed wrong too often for a stranger's", async () => {
    const guard = fresh();
    await guard.recordLogin("home");
    let now = Date.now();
    for (let count = 1; count <= 100; count++) {
      vi.setSystemTime(now);
      expect(await guard.take("home", RULE)).toMatchObject({ allowed: true, isKnownNetwork: true, isBlocked: false });
      now += 3_600_001;
    }
    vi.setSystemTime(now);
    expect(await guard.take("home", RULE)).toMatchObject({ isKnownNetwork: false, remaining: 2 });
  });

  it("remembers twenty networks, the last used ones, for ninety days each", async () => {
    const guard = fresh();
    const start = Date.now();
    for (let count = 0; count <= 20; count++) {
      vi.setSystemTime(start + count);
      await guard.recordLogin(`net ${count}`);
    }
    expect(await guard.take("net 0", RULE)).toMatchObject({ isKnownNetwork: false });
    expect(await guard.take("net 1", RULE)).toMatchObject({ isKnownNetwork: true });
    vi.setSystemTime(start + 90 * DAY + 20);
    expect(await guard.take("net 19", RULE)).toMatchObject({ isKnownNetwork: false });
  });

  it("remembers after it was evicted", async () => {
    const guard = fresh();
    for (let count = 0; count < 3; count++) await guard.take("net", RULE);
    await evictDurableObject(guard);
    expect(await guard.take("net", RULE)).toMatchObject({ allowed: false });
  });

  it("forgets an entry of a user ninety days after its last use, and not before", async () => {
    const guard = fresh();
    const start = Date.now();
    vi.setSystemTime(start);
    await guard.take("net", RULE);
    await guard.rememberUser();
    vi.setSystemTime(start + DAY);
    await guard.take("net", RULE);
    const kept = () =>
      runInDurableObject(guard, async (_, state) => ({
        entries: [...state.storage.kv.list()].length,
        alarm: await state.storage.getAlarm(),
      }));
    vi.setSystemTime(start + 90 * DAY);
    await runDurableObjectAlarm(guard);
    expect(await kept()).toEqual({ entries: 1, alarm: start + 91 * DAY });
    vi.setSystemTime(start + 91 * DAY);
    await runDurableObjectAlarm(guard);
    expect(await kept()).toEqual({ entries: 0, alarm: null });
  });

  it("has a login heard of at the other name only if that learns something", async () => {
    const guard = fresh();
    const start = Date.now();
    vi.setSystemTime(start);
    expect(await guard.recordLogin("home", "account")).toBe(true);
    for (let login = 0; login < 3; login++) {
      await guard.take("home", RULE);
      expect(await guard.recordLogin("home", "account")).toBe(false);
    }
    await guard.take("home", RULE);
    expect(await guard.recordLogin("home", "account", [], 0), "by a passkey, after a wrong guess").toBe(true);
    expect(await guard.recordLogin("home", "account", [], 0)).toBe(false);
    expect(await guard.recordLogin("office", "account")).toBe(true);
    for (let count = 0; count < 2; count++) await guard.take("home", RULE);
    expect(await guard.recordLogin("home", "account"), "after a wrong guess").toBe(true);
    expect(await guard.recordLogin("home", "account of another name")).toBe(true);
    vi.setSystemTime(start + 30 * DAY);
    expect(await guard.recordLogin("home", "account of another name"), "a month later").toBe(true);
  });

  it("has the other name hear daily of a network that new ones could push out there", async () => {
    const start = Date.now();
    vi.setSystemTime(start);
    const guard = fresh();
    await guard.recordLogin("home", "account");
    for (let train = 1; train < 20; train++) await guard.recordLogin(`train ${train}`, "account");
    expect(await guard.recordLogin("home", "account")).toBe(false);
    vi.setSystemTime(start + DAY);
    expect(await guard.recordLogin("home", "account")).toBe(true);
  });

  it("counts a guess in all budgets of its network, or in none", async () => {
    vi.setSystemTime(Date.now());
    const guard = fresh();
    const places = [
      { entry: "net", rule: { budget: 2, window: 60_000 } },
      { entry: "site", rule: { budget: 20, window: 60_000 } },
    ];
    const readings = await atOnce(9, () => guard.take("net", { budget: 10, window: 30_000 }, places));
    expect(readings.filter(({ places: [own] }) => own?.allowed)).toHaveLength(2);
    expect(await guard.take("elsewhere", { budget: 10, window: 30_000 })).toMatchObject({ remaining: 7 });
    await guard.recordLogin("net", "account", places);
    const after = await guard.take("net", { budget: 10, window: 30_000 }, places);
    expect(after.places).toMatchObject([{ remaining: 1 }, { remaining: 18 }]);
  });

  it("keeps a block that an earlier version stored", async () => {
    const guard = fresh();
    const now = Date.now();
    const guesses = { count: 0, hidden: 0, current: 0, nextAt: 0, lastAt: now };
    const kept = {
      unknown: { ...guesses, count: 10, hidden: 90, nextAt: now - 1 },
      known: { home: { ...guesses, lastLoginAt: now } },
      isOfUser: true,
      touchedAt: now,
    };
    await runInDurableObject(guard, async (_, state) => state.storage.kv.put("guesses", kept));
    const places = [{ entry: "net", rule: RULE }];
    const rule = { budget: 100, window: 1_000 };
    expect(await guard.take("net", rule, places)).toMatchObject({ isBlocked: true, places: [{ remaining: 2 }] });
    expect(await guard.take("home", rule, places)).toMatchObject({ isBlocked: false, isKnownNetwork: true });
    expect(await guard.recordLogin("home", "account")).toBe(true);
    expect(await guard.take("net", rule, places)).toMatchObject({ isBlocked: true });
  });
});
