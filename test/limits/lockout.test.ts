import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { forgotPassword, refresh, register, verifyEmail } from "../support/account.ts";
import { type Answer, appWith, call, expectProblem, freshAddress, inTurn, post, type Send } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { guess, hurried, type Name } from "../support/guesses.ts";
import { logIn, mailedToken, mailsTo, newPerson, type Person, registered, rowOf } from "../support/people.ts";
import { brokenObjects } from "../support/services.ts";

const LOGIN = "/api/v1/auth/login";
const NEW_PASSWORD = "another password, as good as new";
const HOUR = 3_600_000;
/** The service with no pause between guesses, and no limits per network. */
const loose = appWith({
  RATE_LIMITS: "loginPerAccount=100/1s,loginPerAddress=100000/1s,loginPerAccountAndAddress=100000/1s",
});

const enter = ({ email, password }: Person, address = freshAddress(), send?: Send) =>
  post(LOGIN, { email, password }, { address }, send);
const told = ({ headers }: Answer) => headers.get("RateLimit");

async function guessAHundredTimes(name: Name): Promise<void> {
  expect(await inTurn(100, () => guess(name, freshAddress(), hurried))).toEqual(Array(100).fill(401));
  vi.setSystemTime(Date.now() + HOUR);
}

const isBlocked = async (email: string) => (await rowOf(email))?.password_blocked_at !== null;

describe("the owner's login where they always log in", () => {
  it("forgives strangers nothing", async () => {
    const person = await registered();
    const home = freshAddress();
    await logIn(person, {}, { address: home });
    expect(await inTurn(10, () => guess({ email: person.email }))).toEqual(Array(10).fill(401));
    await logIn(person, {}, { address: home });
    expectProblem(await guess({ email: person.email }), 429, "rate_limited");
  });

  it("is not visible to an attacker who guesses before and after it", async () => {
    const [person, nobody, home] = [await registered(), newPerson(), freshAddress()];
    await logIn(person, {}, { address: home });
    const known = [told(await guess({ email: person.email }))];
    const unknown = [told(await guess({ email: nobody.email }))];
    await enter(person, home);
    known.push(told(await guess({ email: person.email })));
    unknown.push(told(await guess({ email: nobody.email })));
    expect(known).toEqual(unknown);
  });
});

describe("a hundred guesses at a name whose address is not verified", () => {
  it("do not reveal whether the address of its registration has an account", async () => {
    const owned = { ...newPerson(), email: (await registered()).email };
    const answers: unknown[] = [];
    for (const mine of [owned, newPerson()]) {
      expect((await register(mine)).status).toBe(202);
      await guessAHundredTimes({ username: mine.username });
      const { status, json } = await enter(mine);
      answers.push([status, json.code]);
    }
    expect(answers[0]).toEqual(answers[1]);
  }, 60_000);

  it("do not lock out a user who registers it later", async () => {
    const person = newPerson();
    await guessAHundredTimes({ email: person.email });
    await registered(person);
    expect((await enter(person)).status).toBe(200);
  }, 60_000);

  it("block no password, and send no mail, while its registration waits", async () => {
    const person = newPerson();
    expect((await register(person)).status).toBe(202);
    const token = await mailedToken(person.email);
    await guessAHundredTimes({ email: person.email });
    expect((await verifyEmail(token)).status).toBe(200);
    expect((await enter(person)).status).toBe(200);
    expect(await isBlocked(person.email)).toBe(false);
    expect(await mailsTo(person.email)).toHaveLength(1);
  }, 60_000);
});

describe("a network where the user has logged in before", () => {
  it("stays open after a change of the address", async () => {
    const [person, home, { email }] = [await registered(), freshAddress(), newPerson()];
    const { accessToken: bearer } = await logIn(person, {}, { address: home });
    const wish = { email, password: person.password };
    expect((await post("/api/v1/users/me/email", wish, { bearer, address: home })).status).toBe(202);
    const token = await mailedToken(email);
    expect((await post("/api/v1/auth/confirm-email", { token }, { address: home })).status).toBe(200);
    await inTurn(10, () => guess({ email }));
    expect((await enter({ ...person, email }, home)).status).toBe(200);
  });

  it("stays open after a change of the username, but not for the next user of the old one", async () => {
    const [person, home, { username }] = [await registered(), freshAddress(), newPerson()];
    const { accessToken: bearer } = await logIn(person, {}, { address: home });
    expect((await call("PUT", "/api/v1/users/me", { bearer, address: home, body: { username } })).status).toBe(200);
    await eventually(async () => expect(told(await guess({ username }, home))).toContain('"loginPerAccount";r=9'));
    await inTurn(10, () => guess({ username }));
    expect((await post(LOGIN, { username, password: person.password }, { address: home })).status).toBe(200);

    const next = await registered({ ...newPerson(), username: person.username });
    await inTurn(10, () => guess({ username: next.username }));
    expectProblem(await guess({ username: next.username }, home), 429, "rate_limited");
  });

  it("is known under a new username too, once the user has logged in from it by email", async () => {
    const [person, home, { username }] = [await registered(), freshAddress(), newPerson()];
    await logIn(person, {}, { address: home });
    const { accessToken: bearer } = await logIn(person);
    expect((await call("PUT", "/api/v1/users/me", { bearer, body: { username } })).status).toBe(200);
    expect((await enter(person, home)).status).toBe(200);
    expect(await inTurn(11, () => guess({ username }))).toEqual([...Array(10).fill(401), 429]);
    expect((await post(LOGIN, { username, password: person.password }, { address: home })).status).toBe(200);
  });

  it("allows a hundred guesses over both names, and no more", async () => {
    const [person, home] = [await registered(), freshAddress()];
    await logIn(person, {}, { address: home });
    await inTurn(50, () => guess({ email: person.email }, home, loose));
    await inTurn(50, () => guess({ username: person.username }, home, loose));
    expect(await isBlocked(person.email)).toBe(false);
    // The network is now unknown. This login makes it known again, until it sends the next hundred wrong guesses.
    expect((await enter(person, home, loose)).status).toBe(200);
    await inTurn(50, () => guess({ email: person.email }, home, loose));
    await inTurn(50, () => guess({ username: person.username }, home, loose));
    expect(told(await guess({ email: person.email }, home, loose))).toContain('"loginPerAccount";r=99');
  }, 60_000);

  it("does not block other networks by its wrong guesses", async () => {
    const [person, home] = [await registered(), freshAddress()];
    await logIn(person, {}, { address: home });
    await inTurn(99, () => guess({ email: person.email }, home, loose));
    await guess({ username: person.username });
    expect((await enter(person)).status).toBe(200);
    expect(await isBlocked(person.email)).toBe(false);
  }, 60_000);

  it("is open again after a reset, even after wrong guesses from it", async () => {
    const [person, home] = [await registered(), freshAddress()];
    await inTurn(10, () => guess({ email: person.email }, home));
    await forgotPassword(person.email);
    const body = { token: await mailedToken(person.email, 2), new_password: NEW_PASSWORD };
    expect((await post("/api/v1/auth/reset-password", body, { address: home })).status).toBe(204);
    expect((await enter({ ...person, password: NEW_PASSWORD }, home)).status).toBe(200);
  });
});

describe("an attempt to log in", () => {
  it("costs nothing where the database does not answer", async () => {
    const [person, home] = [await registered(), freshAddress()];
    const fail = () => Promise.reject(new Error("D1 is down"));
    const statement = { bind: () => statement, all: fail, run: fail, raw: fail };
    const DB = { prepare: () => statement, batch: fail } as unknown as D1Database;
    const down = appWith({}, { DB });
    expect(await inTurn(12, () => enter(person, home, down))).toEqual(Array(12).fill(503));
    expect((await enter(person, home)).status).toBe(200);
  });

  it("costs the account nothing where another limiter does not answer", async () => {
    const person = await registered();
    const down = appWith({}, { RATE_LIMITER: brokenObjects<typeof env.RATE_LIMITER>() });
    expect(await inTurn(12, () => enter(person, freshAddress(), down))).toEqual(Array(12).fill(503));
    expect((await enter(person)).status).toBe(200);
  });

  it("that a reset overtakes does not make its network known", async () => {
    const [person, lair] = [await registered(), freshAddress()];
    await forgotPassword(person.email);
    const body = { token: await mailedToken(person.email, 2), new_password: NEW_PASSWORD };
    let resets = 0;
    const LOGIN_GUARD = {
      getByName: (name: string) =>
        new Proxy(env.LOGIN_GUARD.getByName(name), {
          get: (guard, method) => {
            if (method !== "take" || resets > 0) return Reflect.get(guard, method);
            return async (...attempt: Parameters<typeof guard.take>) => {
              resets += 1;
              const reading = await guard.take(...attempt);
              // The user's row has been read by now, but the password has not been checked yet.
              await eventually(() => expect(lookUps).toBeGreaterThan(0));
              expect((await post("/api/v1/auth/reset-password", body)).status).toBe(204);
              return reading;
            };
          },
        }),
    } as unknown as typeof env.LOGIN_GUARD;
    let lookUps = 0;
    const DB = new Proxy(env.DB, {
      get: (database, method) =>
        method === "batch"
          ? async (statements: D1PreparedStatement[]) => {
              const found = await database.batch(statements);
              lookUps += 1;
              return found;
            }
          : Reflect.get(database, method).bind(database),
    });
    const late = await enter(person, lair, appWith({}, { DB, LOGIN_GUARD }));
    expectProblem(late, 401, "invalid_credentials");
    expect(resets).toBe(1);
    await inTurn(10, () => guess({ email: person.email }));
    expectProblem(await guess({ email: person.email }, lair), 429, "rate_limited");
  });

  it("that is refused anyway leaves nothing behind", async () => {
    const guard = env.LOGIN_GUARD.getByName(crypto.randomUUID());
    await guard.take("net", { budget: 3, window: 1_000 });
    await guard.refund("net", false);
    const kept = await runInDurableObject(guard, async (_, state) => [
      [...state.storage.kv.list()].length,
      await state.storage.getAlarm(),
    ]);
    expect(kept).toEqual([0, null]);
  });
});

describe("a refresh that is repeated within the grace period", () => {
  it("is not counted, so that a client that lost the response can try again", async () => {
    const tight = appWith({ RATE_LIMITS: "refreshPerSession=1/2m" });
    const { refreshToken } = await logIn(await registered());
    const first = await refresh(refreshToken, tight);
    for (let turn = 0; turn < 5; turn++) {
      const again = await refresh(refreshToken, tight);
      expect(again.status).toBe(200);
      expect(again.json.refresh_token).toBe(first.json.refresh_token);
    }
  });
});
