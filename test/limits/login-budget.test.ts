import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { forgotPassword, readMe, refresh, resetPassword, tryLogin } from "../support/account.ts";
import { appWith, atOnce, expectProblem, freshAddress, get, inTurn, post } from "../support/client.ts";
import { eventsOf, loggedIn, logIn, newPerson, type Person, registered, tokenAbout } from "../support/people.ts";

const LOGIN = "/api/v1/auth/login";
const tight = appWith({ RATE_LIMITS: "loginsPerUser=3/1h" });

const enter = ({ email, password }: Person, address = freshAddress(), send = tight) =>
  post(LOGIN, { email, password }, { address }, send);
const enterByName = ({ username, password }: Person) =>
  post(LOGIN, { username, password }, { address: freshAddress() }, tight);

const readSessions = (bearer: string) => get("/api/v1/users/me/sessions", { bearer });

const loginsOf = async (userId: string) =>
  (await env.DB.prepare("SELECT count(*) AS n FROM audit_events WHERE user_id = ? AND type = 'login_succeeded'")
    .bind(userId)
    .first<number>("n")) ?? 0;

describe("the logins of one user", () => {
  it("have a budget, by either name and from any network", async () => {
    vi.setSystemTime(Date.now());
    const person = await registered();
    expect((await enter(person)).status).toBe(200);
    expect((await enterByName(person)).status).toBe(200);
    expect((await enter(person)).status).toBe(200);
    const refused = await enter(person);
    expectProblem(refused, 429, "rate_limited");
    expect(refused.headers.get("RateLimit-Policy")).toBe('"loginsPerUser";q=3;w=3600');
    expect(refused.headers.get("Retry-After")).toBe("1200");
    expectProblem(await enterByName(person), 429, "rate_limited");
    expect((await enter(await registered())).status).toBe(200);
  });

  it("are thirty in a quarter of an hour by default, and each is recorded", async () => {
    const person = await registered();
    const statuses = await inTurn(35, () => tryLogin(person));
    expect(statuses).toEqual([...Array(30).fill(200), ...Array(5).fill(429)]);
  });

  it("never exceed it, however many come at once, and a refused one leaves nothing behind", async () => {
    const person = await registered();
    const answers = await atOnce(30, () => enter(person));
    const opened = answers.filter(({ status }) => status === 200);
    expect(opened).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(27);
    const [first] = opened;
    const { id: userId } = first?.json.user ?? {};
    expect(await loginsOf(userId)).toBe(3);
    const { access_token: bearer } = first?.json ?? {};
    expect((await readSessions(bearer)).json.items).toHaveLength(3);
    for (const { json } of opened) expect((await readMe(json.access_token)).status).toBe(200);
  });

  it("tell of it only who knows the password", async () => {
    const [person, nobody] = [await registered(), newPerson()];
    await inTurn(3, () => enter(person));
    for (const { email } of [person, nobody]) {
      expectProblem(
        await enter({ ...person, email, password: "a wrong password, surely" }),
        401,
        "invalid_credentials",
      );
    }
  });

  it("that are beyond it are no wrong guesses", async () => {
    const person = await registered();
    await inTurn(3, () => enter(person));
    expect(await inTurn(40, () => enter(person))).toEqual(Array(40).fill(429));
    const guess = await enter({ ...person, password: "a wrong password, surely" });
    expectProblem(guess, 401, "invalid_credentials");
    expect(guess.headers.get("RateLimit")).toContain('"loginPerAccount";r=9');
  });

  it("that are beyond it cost a network its own budget, because they cost a hash", async () => {
    const [person, address] = [await registered(), freshAddress()];
    await inTurn(3, () => enter(person, address));
    await inTurn(10, () => enter(person, address));
    const refused = await enter(person, address);
    expect(refused.headers.get("RateLimit")).toContain('"loginPerAccountAndAddress";r=0');
  });

  it("come back in time, while sessions that are open go on", async () => {
    const start = Date.now();
    vi.setSystemTime(start);
    const person = await loggedIn();
    expect(await inTurn(3, () => enter(person))).toEqual([200, 200, 429]);
    expect((await refresh(person.refreshToken)).status).toBe(200);
    vi.setSystemTime(start + 1_200_000);
    expect(await inTurn(2, () => enter(person))).toEqual([200, 429]);
  });

  it("come back with a reset by email, so that a thief of the password can't keep its owner out", async () => {
    const person = await registered();
    expect(await inTurn(4, () => enter(person))).toEqual([200, 200, 200, 429]);
    await forgotPassword(person.email);
    const password = "another password, as good as new";
    const token = await tokenAbout(person.email, /^Reset your Postern password$/);
    expect((await resetPassword(token, password)).status).toBe(204);
    expect((await enter({ ...person, password })).status).toBe(200);
  });

  it("are not counted with RATE_LIMITING=off", async () => {
    const free = appWith({ RATE_LIMITING: "off", RATE_LIMITS: "loginsPerUser=1/1h" });
    const person = await registered();
    expect(await inTurn(4, () => enter(person, freshAddress(), free))).toEqual(Array(4).fill(200));
    const { userId } = await logIn(person);
    expect(await eventsOf(userId, "login_succeeded", 5)).toHaveLength(5);
  });
});
