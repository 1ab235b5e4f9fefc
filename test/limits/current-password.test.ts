import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { tryLogin } from "../support/account.ts";
import {
  appWith,
  atOnce,
  call,
  expectProblem,
  freshAddress,
  inTurn,
  laneOf,
  post,
  type Send,
} from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import {
  eventsOf,
  type LoggedIn,
  logIn,
  mailAbout,
  mailedToken,
  mailsTo,
  newPerson,
  registered,
  rowOf,
} from "../support/people.ts";
import { brokenObjects } from "../support/services.ts";

const WRONG = "a wrong password, surely";
const NEW = "another password, as good as new";
const VALUES = {
  RATE_LIMITS:
    "passwordCheckPerUser=1000/1s,changesPerUser=1000/1s,loginPerAccount=100/1s,mailPerRecipient=1000/1s,mailPerAddress=1000/1s",
};
/** The service without the limits that slow guesses down before the block. */
const hurried = appWith(VALUES);

type Confirm = (person: LoggedIn, password: string, address?: string, send?: Send) => ReturnType<typeof call>;

/** The requests that a user confirms with the current password. */
const ROUTES: Record<string, Confirm> = {
  "a change of the password": ({ accessToken }, password, address = freshAddress(), send = hurried) =>
    post(
      "/api/v1/users/change-password",
      { current_password: password, new_password: NEW },
      { bearer: accessToken, address },
      send,
    ),
  "the removal of the password": ({ accessToken }, password, address = freshAddress(), send = hurried) =>
    call(
      "DELETE",
      "/api/v1/users/me/password",
      { bearer: accessToken, address, body: { current_password: password } },
      send,
    ),
  "a change of the email address": ({ accessToken }, password, address = freshAddress(), send = hurried) =>
    post("/api/v1/users/me/email", { email: newPerson().email, password }, { bearer: accessToken, address }, send),
  "a reauthentication": ({ accessToken }, password, address = freshAddress(), send = hurried) =>
    post("/api/v1/auth/reauthenticate", { password }, { bearer: accessToken, address }, send),
  "the deletion of the account": ({ accessToken }, password, address = freshAddress(), send = hurried) =>
    call("DELETE", "/api/v1/users/me", { bearer: accessToken, address, body: { password } }, send),
};
const routes = Object.entries(ROUTES);
type Entry = [string, Confirm];
const [[, changePassword], ...others] = routes as [Entry, ...Entry[]];
/** Excludes the removal of the password, so that the user keeps it. The deletion of the account is the last. */
const [, ...keeping] = others;

async function atHome(): Promise<LoggedIn & { home: string }> {
  const home = freshAddress();
  return { ...(await logIn(await registered(), {}, { address: home })), home };
}

const guessAtLogin = (name: object) =>
  post("/api/v1/auth/login", { ...name, password: WRONG }, { address: freshAddress() }, hurried);

const isBlocked = async ({ email }: LoggedIn) => (await rowOf(email))?.password_blocked_at !== null;
const blocks = (person: LoggedIn) => eventually(async () => expect(await isBlocked(person)).toBe(true));

describe.each(routes)("a wrong current password at %s", (_what, confirm) => {
  it("is recorded as what the user did", async () => {
    const person = await atHome();
    expectProblem(await confirm(person, WRONG), 403, "wrong_password");
    const [event] = await eventsOf(person.userId, "password_check_failed");
    expect(event).toMatchObject({ actor_id: person.userId, details: '{"reason":"wrong_password"}' });
  });
});

it("a wrong current password counts towards the block at a hundred on every route, and the owner gets an email", async () => {
  const person = await atHome();
  for (const [, confirm] of others)
    expect(new Set(await inTurn(20, () => confirm(person, WRONG)))).toEqual(new Set([403]));
  expect(await inTurn(19, () => changePassword(person, WRONG))).toEqual(Array(19).fill(403));
  expect(await isBlocked(person)).toBe(false);
  expectProblem(await changePassword(person, WRONG), 403, "wrong_password");
  await blocks(person);
  expect(await eventsOf(person.userId, "password_blocked")).toHaveLength(1);
  await mailAbout(person.email, /Reset your Postern password/);

  // From an unknown network, neither login nor any route accepts the right password.
  expectProblem(await tryLogin(person), 401, "invalid_credentials");
  for (const [, confirm] of routes) expectProblem(await confirm(person, person.password), 403, "wrong_password");
  const [blocked] = await eventsOf(person.userId, "password_check_failed", 100 + routes.length);
  expect(blocked).toMatchObject({ details: '{"reason":"password_blocked"}' });
  // The known network still works. Changing and removing the password are left out, because both end the block.
  for (const [, confirm] of keeping) {
    expect((await confirm(person, person.password, person.home)).status).toBeLessThan(300);
  }
}, 60_000);

describe("wrong current passwords and wrong guesses at login", () => {
  it.each<[string, (person: LoggedIn) => object]>([
    ["email address", ({ email }) => ({ email })],
    ["username", ({ username }) => ({ username })],
  ])(
    "have one counter: by %s",
    async (_what, nameOf) => {
      const person = await atHome();
      await inTurn(50, () => changePassword(person, WRONG));
      expect(await inTurn(49, () => guessAtLogin(nameOf(person)))).toEqual(Array(49).fill(401));
      await eventually(async () => {
        const { headers } = await tryLogin(person, { address: person.home }, hurried);
        expect(headers.get("RateLimit")).toContain('"loginPerAccount";r=99');
      });
      expect(await isBlocked(person)).toBe(false);
      expect((await guessAtLogin(nameOf(person))).status).toBe(401);
      await blocks(person);
    },
    60_000,
  );

  it("have one counter, even if the user takes another username in between", async () => {
    const person = await atHome();
    const renamed = `${person.username}-2`;
    await inTurn(60, () => guessAtLogin({ username: person.username }));
    const change = { bearer: person.accessToken, body: { username: renamed } };
    expect((await call("PUT", "/api/v1/users/me", change)).status).toBe(200);
    await inTurn(39, () => guessAtLogin({ username: renamed }));
    expect(await isBlocked(person)).toBe(false);
    await guessAtLogin({ username: renamed });
    await blocks(person);
    expect(await eventsOf(person.userId, "password_blocked")).toHaveLength(1);
    await mailAbout(person.email, /Reset your Postern password/);
  }, 60_000);

  it("do not tell of each other in headers", async () => {
    const [person, nobody] = [await atHome(), newPerson()];
    await inTurn(20, () => changePassword(person, WRONG));
    const told = async (email: string) => (await guessAtLogin({ email })).headers.get("RateLimit");
    expect(await told(person.email)).toBe(await told(nobody.email));
  });

  it("are forgiven by a login of the owner from a new network", async () => {
    const person = await atHome();
    await inTurn(60, () => changePassword(person, WRONG));
    expect((await tryLogin(person, { address: freshAddress() }, hurried)).status).toBe(200);
    await inTurn(60, () => changePassword(person, WRONG));
    expect(await isBlocked(person)).toBe(false);
    expect((await changePassword(person, person.password)).status).toBe(204);
  }, 60_000);
});

describe("a hundred wrong current passwords", () => {
  it("block, whatever comes at once: no right one among those after them is accepted", async () => {
    const person = await atHome();
    for (let round = 0; round < 2; round++) await atOnce(55, () => changePassword(person, WRONG));
    const answers = await atOnce(20, () => changePassword(person, person.password));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([403]));
    await blocks(person);
    expect(await eventsOf(person.userId, "password_blocked")).toHaveLength(1);
    const notices = (await mailsTo(person.email, 2)).filter(({ subject }) => /Reset your/.test(subject));
    expect(notices).toHaveLength(1);
  }, 60_000);

  it("from a network where the owner has logged in count there alone", async () => {
    const person = await atHome();
    await inTurn(100, () => changePassword(person, WRONG, person.home));
    expect(await isBlocked(person)).toBe(false);
    expect((await tryLogin(person, { address: freshAddress() }, hurried)).status).toBe(200);
  }, 60_000);

  it("end with a reset by email", async () => {
    const person = await atHome();
    await inTurn(100, () => changePassword(person, WRONG));
    await blocks(person);
    expect((await post("/api/v1/auth/forgot-password", { email: person.email })).status).toBe(202);
    await eventually(async () => {
      const body = { token: await mailedToken(person.email, 3), new_password: NEW };
      expect((await post("/api/v1/auth/reset-password", body)).status).toBe(204);
    });
    const again = await logIn({ ...person, password: NEW });
    expect((await changePassword(again, NEW)).status).toBe(204);
  }, 60_000);
});

describe("a current password that is not wrong", () => {
  it("does not count", async () => {
    const person = await atHome();
    const change = ROUTES["a change of the email address"] as Confirm;
    await inTurn(99, () => change(person, WRONG));
    expect((await change(person, person.password)).status).toBe(202);
    expect(await inTurn(5, () => change(person, person.password))).toEqual(Array(5).fill(202));
    expect(await isBlocked(person)).toBe(false);
    await change(person, WRONG);
    await blocks(person);
  }, 60_000);

  it("does not count where no password can be checked", async () => {
    const person = await atHome();
    await inTurn(99, () => changePassword(person, WRONG));
    const full = appWith({ ...VALUES, ...laneOf(0) });
    const answers = await atOnce(8, () => changePassword(person, person.password, freshAddress(), full));
    expect(answers.some(({ json }) => json?.code === "busy")).toBe(true);
    expect(await isBlocked(person)).toBe(false);
  }, 60_000);

  it("is refused with 503 where a guard does not answer, and not counted at the other", async () => {
    const person = await atHome();
    const none = appWith(VALUES, { LOGIN_GUARD: brokenObjects<typeof env.LOGIN_GUARD>() });
    expectProblem(await changePassword(person, person.password, freshAddress(), none), 503, "unavailable");
    const half = () => {
      let calls = 0;
      const getByName = (name: string) => {
        calls += 1;
        if (calls === 2) throw new Error("no such object");
        return env.LOGIN_GUARD.getByName(name);
      };
      return appWith(VALUES, { LOGIN_GUARD: { getByName } as unknown as typeof env.LOGIN_GUARD });
    };
    for (let turn = 0; turn < 101; turn++) {
      expect((await changePassword(person, person.password, freshAddress(), half())).status).toBe(503);
    }
    expect((await changePassword(person, person.password)).status).toBe(204);
  }, 60_000);
});
