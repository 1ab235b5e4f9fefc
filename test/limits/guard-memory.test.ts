import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { limitedKey } from "../../src/limits/budgets.ts";
import { loginNameKey } from "../../src/users/login-names.ts";
import { tryLogin } from "../support/account.ts";
import { freshAddress, inTurn } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { guess, hurried, type Name } from "../support/guesses.ts";
import { logIn, newPerson, registered, rowOf, unverified } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const DAY = 86_400_000;

/** The guard of a login name, as the Worker names it. */
const guardOf = (name: Name) =>
  env.LOGIN_GUARD.getByName(limitedKey(coldIsolate().secrets, `loginPerAccount:${loginNameKey(name)}`));

/** Sets the clock to `time` after `start`, and runs the alarm of the name's guard. */
async function wait(start: number, time: number, name: Name): Promise<void> {
  vi.setSystemTime(start + time);
  await runDurableObjectAlarm(guardOf(name));
}

const remembers = (name: Name) =>
  runInDurableObject(guardOf(name), async (_, state) => [...state.storage.kv.list()].length > 0);

/** Waits until the work after the response has told the guard that a user has the name. */
const learned = (name: Name) =>
  eventually(async () => {
    const kept = await runInDurableObject(guardOf(name), async (_, state) =>
      state.storage.kv.get<{ isOfUser: boolean }>("guesses"),
    );
    expect(kept?.isOfUser).toBe(true);
  });

describe("guesses at a name that no user has", () => {
  it.each<[string, () => Promise<Name>]>([
    ["an unknown email address", async () => ({ email: newPerson().email })],
    ["an unknown username", async () => ({ username: newPerson().username })],
    ["a registration that was never proved", async () => ({ email: (await unverified()).email })],
  ])("are forgotten a day after the last one, and not before: %s", async (_what, named) => {
    const name = await named();
    const start = Date.now();
    vi.setSystemTime(start);
    await guess(name);
    vi.setSystemTime(start + DAY / 2);
    await guess(name);
    await wait(start, DAY, name);
    expect(await remembers(name)).toBe(true);
    await wait(start, DAY * 1.5, name);
    expect(await remembers(name)).toBe(false);
  });
});

describe("guesses at a user", () => {
  it.each<[string, (person: { email: string; username: string }) => Name]>([
    ["email address", ({ email }) => ({ email })],
    ["username", ({ username }) => ({ username })],
  ])(
    "count towards the block although a day passes in between: by %s",
    async (_what, nameOf) => {
      const person = await registered();
      const name = nameOf(person);
      const start = Date.now();
      vi.setSystemTime(start);
      expect(await inTurn(60, () => guess(name, freshAddress(), hurried))).toEqual(Array(60).fill(401));
      await learned(name);
      await wait(start, 2 * DAY, name);
      expect(await inTurn(40, () => guess(name, freshAddress(), hurried))).toEqual(Array(40).fill(401));
      await eventually(async () => expect((await rowOf(person.email))?.password_blocked_at).not.toBeNull());
      vi.setSystemTime(start + 3 * DAY);
      expect((await tryLogin(person)).status).toBe(401);
    },
    60_000,
  );

  it("who has never logged in are remembered for ninety days", async () => {
    // As after an import: no login and no link has told the guard that a user has the name.
    const person = await registered();
    const name = { email: person.email };
    await guardOf(name).reset(undefined);
    const start = Date.now();
    vi.setSystemTime(start);
    await guess(name);
    await learned(name);
    await wait(start, DAY, name);
    expect(await remembers(name)).toBe(true);
    await wait(start, 90 * DAY, name);
    expect(await remembers(name)).toBe(false);
  });

  it("leave the networks of earlier logins known for ninety days", async () => {
    const [person, home] = [await registered(), freshAddress()];
    const start = Date.now();
    vi.setSystemTime(start);
    await logIn(person, {}, { address: home });
    await inTurn(10, () => guess({ email: person.email }));
    await wait(start, 89 * DAY, { email: person.email });
    await inTurn(10, () => guess({ email: person.email }));
    expect((await tryLogin(person, { address: home })).status).toBe(200);
  });
});

describe("the pauses between guesses", () => {
  it("end after a day without any, so that they do not reveal who has an account", async () => {
    const told: unknown[] = [];
    for (const { email } of [await registered(), newPerson()]) {
      const start = Date.now();
      vi.setSystemTime(start);
      const said: (string | number | null)[] = [];
      const note = async () => {
        const { status, headers } = await guess({ email });
        said.push(status, headers.get("RateLimit"), headers.get("Retry-After"));
      };
      for (let count = 0; count < 12; count++) await note();
      for (const time of [DAY - 1, DAY, 2 * DAY + 10_000, 4 * DAY, 4 * DAY + 1_000]) {
        await wait(start, time, { email });
        await note();
      }
      told.push(said);
    }
    expect(told[0]).toEqual(told[1]);
  });

  it("end for a user as if nobody had guessed", async () => {
    const { email } = await registered();
    const start = Date.now();
    vi.setSystemTime(start);
    expect(await inTurn(11, () => guess({ email }))).toEqual([...Array(10).fill(401), 429]);
    await wait(start, DAY, { email });
    expect(await inTurn(11, () => guess({ email }))).toEqual([...Array(10).fill(401), 429]);
  });
});
