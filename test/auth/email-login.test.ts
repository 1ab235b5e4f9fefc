import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import type { Opening } from "../../src/sessions/session-messages.ts";
import type { UserSessions } from "../../src/sessions/user-sessions-object.ts";
import {
  askForLink,
  changePassword,
  linkOfBrowser,
  logInByLink,
  loginLink,
  readMe,
  refresh,
  tryLogin,
} from "../support/account.ts";
import { altered } from "../support/altered.ts";
import {
  appWith,
  atOnce,
  call,
  expectProblem,
  freshAddress,
  get,
  inTurn,
  ORIGIN,
  post,
  shown,
} from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { addTotp, codeOf, confirmTotp, enrolled, nextStep, reported, secondStep } from "../support/factors.ts";
import { recordLogs } from "../support/logs.ts";
import { eventsOf, loggedIn, mailAbout, mailsTo, newPerson, registered, unverified } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const ASK = "/api/v1/auth/email-login";
const SUBJECT = /^Log in to Postern$/;

const FROM_PAGE = { headers: { Origin: ORIGIN } };
const inBrowser = (cookie: string) => ({ headers: { Origin: ORIGIN, Cookie: cookie } });

describe("POST /api/v1/auth/email-login", () => {
  it("gives a known and an unknown address the same response at the same cost, and emails only the known one", async () => {
    const person = await registered();
    const waiting = await unverified();
    const logs = recordLogs();
    const asked = [person.email, newPerson().email, waiting.email];
    const answers: Awaited<ReturnType<typeof askForLink>>[] = [];
    for (const email of asked) answers.push(await askForLink(email, { cookie: true }, FROM_PAGE));
    const faceless = answers.map(({ answer }) => {
      const { status, headers, text } = shown(answer);
      const values = /"[BCDFGHJ-NP-TVWXZ]{4}-[BCDFGHJ-NP-TVWXZ]{4}"|postern_email_login=[\w-]{43}/g;
      return { status, text: text.replace(values, "*"), headers: JSON.stringify(headers).replace(values, "*") };
    });
    expect(faceless[0]).toEqual(faceless[1]);
    expect(faceless[0]).toEqual(faceless[2]);
    expect(faceless[0]).toMatchObject({ status: 202, text: '{"status":"accepted","login_code":*,"expires_in":600}' });
    expect(new Set(answers.map(({ code }) => code)).size).toBe(3);
    const costs = logs()
      .filter(({ route }) => route === ASK)
      .map(({ hops, storage_calls }) => ({ hops, storage_calls }));
    expect(costs).toEqual([costs[0], costs[0], costs[0]]);

    const { text } = await mailAbout(person.email, SUBJECT);
    expect(text).toMatch(/http:\/\/localhost:8787\/email-login#token=[\w-]+>\n/);
    expect(text).not.toContain(answers[0]?.code);
    expect(await mailsTo(waiting.email)).toHaveLength(1);
    expect((await get("/dev/outbox")).json.items.some(({ to }: { to: string }) => to === asked[1])).toBe(false);
  });

  it("refuses the fourth mail to one address within the hour, known or not", async () => {
    for (const email of [(await registered()).email, newPerson().email]) {
      expect(await inTurn(3, () => post(ASK, { email }))).toEqual([202, 202, 202]);
      expectProblem(await post(ASK, { email }), 429, "rate_limited");
    }
  });

  it("sets its cookie only for pages of allowed origins, and only if it is asked to", async () => {
    const { email } = await registered();
    expect((await post(ASK, { email })).headers.get("Set-Cookie")).toBeNull();
    for (const headers of [{}, { Origin: "https://evil.example" }]) {
      expectProblem(await post(ASK, { email, cookie: true }, { headers }), 403, "origin_not_allowed");
    }
    const { answer } = await askForLink(email, { cookie: true }, FROM_PAGE);
    expect(answer.headers.get("Set-Cookie")).toMatch(
      /^postern_email_login=[\w-]{43}; Max-Age=600; Path=\/api\/v1\/auth; HttpOnly; SameSite=Strict$/,
    );
  });

  it("exists only with EMAIL_LOGIN=on, as does the page of the link", async () => {
    const off = appWith({ EMAIL_LOGIN: "off" });
    for (const path of [ASK, `${ASK}/confirm`, "/email-login"]) {
      const method = path === "/email-login" ? "GET" : "POST";
      const answer = await off(new Request(new URL(path, ORIGIN), { method }));
      expect([answer.status, await answer.json()]).toEqual([404, expect.objectContaining({ code: "not_found" })]);
    }
    expect((await get("/", {}, off)).json.email_login).toBe(false);
    expect((await get("/")).json.email_login).toBe(true);
  });
});

describe("a link that logs in", () => {
  it("is not spent while the user has logged in too often", async () => {
    const person = await registered();
    const { cookie, token } = await linkOfBrowser(person);
    await setUser(person, { logins_until: Date.now() + 3_600_000 });
    const refused = await logInByLink({ token }, inBrowser(cookie));
    expectProblem(refused, 429, "rate_limited");
    await setUser(person, { logins_until: 0 });
    expect((await logInByLink({ token }, inBrowser(cookie))).status).toBe(200);
  });

  it("needs no code in the browser that asked for it, and opens a session there", async () => {
    const person = await registered();
    const { cookie, token } = await linkOfBrowser(person);
    const answer = await logInByLink({ token, cookie: true, device_name: "Laptop" }, inBrowser(cookie));
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.user.email).toBe(person.email);
    expect(answer.json.refresh_token).toBeUndefined();
    expect(answer.headers.get("Set-Cookie")).toMatch(/^postern_refresh=/);
    const { access_token: bearer, session_id: sessionId, user } = answer.json;
    expect(decodeJwt(bearer)).toMatchObject({ amr: ["email"], acr: "aal1" });
    const { items } = (await get("/api/v1/users/me/sessions", { bearer })).json;
    expect(items).toMatchObject([{ id: sessionId, device_name: "Laptop" }]);
    const [event] = await eventsOf(user.id, "login_succeeded");
    expect(JSON.parse(String(event?.details))).toEqual({ session_id: sessionId, method: "email" });
  });

  it("asks any other browser for the code that is shown in the first", async () => {
    const person = await registered();
    const { code, cookie, token } = await linkOfBrowser(person);
    const other = await linkOfBrowser(await registered());
    for (const options of [{}, FROM_PAGE, inBrowser(other.cookie), inBrowser("postern_email_login=x")]) {
      expectProblem(await logInByLink({ token }, options), 403, "login_code_required");
    }
    // Another site's page can make the browser send the cookie, so the cookie does not count in such a request.
    const foreign = { headers: { Cookie: cookie, Origin: "https://evil.example" } };
    expectProblem(await logInByLink({ token }, foreign), 403, "login_code_required");
    expectProblem(await logInByLink({ token, code: other.code }), 401, "invalid_login_code");
    const typed = ` ${code.toLowerCase().replace("-", " ")}`;
    const answer = await logInByLink({ token, code: typed });
    expect(answer.status, answer.text).toBe(200);
    expect((await readMe(answer.json.access_token)).status).toBe(200);
    expect((await refresh(answer.json.refresh_token)).status).toBe(200);
    const [event] = await eventsOf(answer.json.user.id, "login_failed");
    expect(JSON.parse(String(event?.details))).toEqual({ reason: "invalid_login_code" });
  });

  it("allows five codes, wherever they come from, and then one every two minutes", async () => {
    const { code, token } = await loginLink(await registered());
    for (let tries = 0; tries < 5; tries++) {
      expectProblem(await logInByLink({ token, code: "BBBB-BBBB" }), 401, "invalid_login_code");
    }
    expectProblem(await logInByLink({ token, code }), 429, "rate_limited");
    vi.setSystemTime(Date.now() + 121_000);
    expect((await logInByLink({ token, code })).status).toBe(200);
  });

  it("opens one session, however many use it at once", async () => {
    const person = await loggedIn();
    const { code, cookie, token } = await linkOfBrowser(person);
    const answers = await atOnce(50, (index) =>
      logInByLink(
        { token, cookie: true, ...(index % 10 === 0 ? { code } : {}) },
        { ...inBrowser(cookie), address: freshAddress() },
      ),
    );
    const opened = answers.filter(({ status }) => status === 200);
    expect(opened).toHaveLength(1);
    for (const answer of answers) if (answer !== opened[0]) expectProblem(answer, 400, "invalid_token");
    const { items } = (await get("/api/v1/users/me/sessions", { bearer: person.accessToken })).json;
    expect(items).toHaveLength(2);
    expect(await eventsOf(person.userId, "login_succeeded", 2)).toHaveLength(2);
    expectProblem(await logInByLink({ token }, inBrowser(cookie)), 400, "invalid_token");
  });

  it("works for ten minutes", async () => {
    const person = await registered();
    vi.setSystemTime(Date.now());
    const [late, later] = [await loginLink(person), await loginLink(person, 2)];
    vi.setSystemTime(Date.now() + 595_000);
    expect((await logInByLink(late)).status).toBe(200);
    vi.setSystemTime(Date.now() + 6_000);
    expectProblem(await logInByLink(later), 400, "expired_token");
  });

  it("stops working with a change of the password, and where it is forged or for another purpose", async () => {
    const person = await loggedIn();
    const link = await loginLink(person);
    expect((await changePassword(person)).status).toBe(204);
    expectProblem(await logInByLink(link), 400, "invalid_token");
    expectProblem(await logInByLink({ ...link, token: altered(link.token) }), 400, "invalid_token");
    const { token } = await unverified();
    expectProblem(await logInByLink({ token, code: link.code }), 400, "invalid_token");
    const reset = { token: link.token, new_password: "another fine password" };
    expectProblem(await post("/api/v1/auth/reset-password", reset), 400, "invalid_token");
  });

  it("opens no session of an account that was disabled or is no longer verified", async () => {
    const person = await registered();
    const [disabled, unproved] = [await loginLink(person), await loginLink(person, 2)];
    await setUser(person, { is_active: 0 });
    expectProblem(await logInByLink(disabled), 403, "account_disabled");
    await setUser(person, { is_active: 1, is_verified: 0 });
    expectProblem(await logInByLink(unproved), 403, "email_not_verified");
    await setUser(person, { is_verified: 1 });
    // The refused logins did not use up their links.
    expect((await logInByLink(disabled)).status).toBe(200);
  });

  it("is refused with a cookie from a page of another origin", async () => {
    const { code, token } = await loginLink(await registered());
    const headers = { Origin: "https://evil.example" };
    expectProblem(await logInByLink({ token, code, cookie: true }, { headers }), 403, "origin_not_allowed");
  });

  it("keeps working while AUTH_SECRET is rotated, and so do the code and the cookie", async () => {
    const person = await registered();
    const [{ cookie, token }, withCode] = [await linkOfBrowser(person), await loginLink(person, 2)];
    const rotated = appWith({
      AUTH_SECRET: "another-secret-for-tests-that-is-long-enough",
      AUTH_SECRET_PREVIOUS: env.AUTH_SECRET,
    });
    expect((await logInByLink({ token }, inBrowser(cookie), rotated)).status).toBe(200);
    expect((await logInByLink(withCode, {}, rotated)).status).toBe(200);
  });

  it("opens no session while an object of the release before still answers, which spends no link", async () => {
    const person = await loggedIn();
    const link = await loginLink(person);
    const earlier = {
      getByName: (name: string) => ({
        end: (...values: Parameters<UserSessions["end"]>) => env.USER_SESSIONS.getByName(name).end(...values),
        async create(...values: Parameters<UserSessions["create"]>) {
          const opening: Opening = await env.USER_SESSIONS.getByName(name).create(...values);
          return Object.fromEntries(Object.entries(opening ?? {}).filter(([member]) => member !== "hasSpentLink"));
        },
      }),
    } as unknown as Bindings["USER_SESSIONS"];
    expectProblem(await logInByLink(link, {}, appWith({}, { USER_SESSIONS: earlier })), 400, "invalid_token");
    expect(await env.USER_SESSIONS.getByName(person.userId).list()).toHaveLength(1);
  });

  it("opens no session of a user who was deleted meanwhile", async () => {
    const person = await loggedIn();
    const link = await loginLink(person);
    await coldIsolate().sessions.close(person.userId);
    expectProblem(await logInByLink(link), 400, "invalid_token");
  });

  it("gives its network no more guesses at passwords", async () => {
    const [person, address] = [await registered(), freshAddress()];
    const wrong = { email: newPerson().email, password: "a wrong password, surely" };
    const send = appWith({ RATE_LIMITS: "loginPerAddress=2/5m" });
    const guess = () => post("/api/v1/auth/login", wrong, { address }, send);
    expect(await inTurn(3, guess)).toEqual([401, 401, 429]);
    expect((await logInByLink(await loginLink(person), { address }, send)).status).toBe(200);
    expect((await guess()).status).toBe(429);
  });

  it("tells the owner of a new device", async () => {
    const person = await loggedIn();
    const link = await loginLink(person);
    expect((await logInByLink({ ...link, device_name: "A new phone" })).status).toBe(200);
    expect((await mailAbout(person.email, /^New login to/)).text).toContain("A new phone");
  });
});

describe("a link that logs in a user with a second factor", () => {
  it("never skips the factor: it asks for it as the password does, and the tokens say so [MF-7]", async () => {
    const person = await enrolled();
    const link = await loginLink(person);
    const refused = await logInByLink({ ...link, device_name: "Tablet" });
    expectProblem(refused, 403, "second_factor_required");
    expect(refused.json).toMatchObject({ factors: ["totp", "recovery_code"], expires_in: 600 });
    expectProblem(await readMe(refused.json.pending_token), 401, "invalid_access_token");
    const answer = await secondStep(refused.json.pending_token, { totp: await codeOf(person.totp.secret) });
    expect(answer.status, answer.text).toBe(200);
    expect(decodeJwt(answer.json.access_token)).toMatchObject({ amr: ["email", "otp", "mfa"], acr: "aal2" });
    const [event] = await eventsOf(person.userId, "login_succeeded", 3);
    const details = { session_id: answer.json.session_id, method: "email", factor: "totp" };
    expect(JSON.parse(String(event?.details))).toEqual(details);
    const { items } = (await get("/api/v1/users/me/sessions", { bearer: answer.json.access_token })).json;
    expect(items).toContainEqual(expect.objectContaining({ id: answer.json.session_id, device_name: "Tablet" }));
  });

  it("is spent by the first step, so that it opens one session, whatever is sent", async () => {
    const person = await enrolled();
    const link = await loginLink(person);
    const answers = await atOnce(5, () => logInByLink(link, { address: freshAddress() }));
    const asked = answers.filter(({ status }) => status === 403);
    expect(asked).toHaveLength(1);
    const pending = asked[0]?.json.pending_token;
    const [first, second] = person.recoveryCodes;
    expect((await secondStep(pending, { recovery_code: first })).status).toBe(200);
    expectProblem(await secondStep(pending, { recovery_code: second }), 401, "invalid_pending_token");
  });

  it("asks for the factor that D1 does not know of yet", async () => {
    const person = await loggedIn();
    const link = await loginLink(person);
    nextStep();
    const { secret } = (await addTotp(person.accessToken)).json;
    expect((await confirmTotp(person.accessToken, await codeOf(secret))).status).toBe(200);
    await setUser(person, { second_factor_since: null });
    expectProblem(await logInByLink(link), 403, "second_factor_required");
    await reported(person);
  });

  it("opens no session if the factor was lost", async () => {
    const person = await loggedIn();
    const link = await loginLink(person);
    await setUser(person, { second_factor_since: Date.now() });
    expectProblem(await logInByLink(link), 403, "second_factor_lost");
    expectProblem(await logInByLink(link), 400, "invalid_token");
  });
});

describe("a session that began with an emailed link", () => {
  it("is raised by the second factor, as one that began with the password", async () => {
    const person = await registered();
    const { json } = await logInByLink(await loginLink(person));
    nextStep();
    const { secret } = (await addTotp(json.access_token)).json;
    expect((await confirmTotp(json.access_token, await codeOf(secret))).status).toBe(200);
    const body = { totp: await codeOf(secret, 1) };
    const raised = await post("/api/v1/auth/reauthenticate", body, { bearer: json.access_token });
    expect(decodeJwt(raised.json.access_token)).toMatchObject({ amr: ["email", "otp", "mfa"], acr: "aal2" });
  });

  it("leaves the password as it is", async () => {
    const person = await registered();
    expect((await logInByLink(await loginLink(person))).status).toBe(200);
    expect((await tryLogin(person)).status).toBe(200);
    expect((await call("GET", "/api/v1/auth/email-login")).status).toBe(405);
  });
});
