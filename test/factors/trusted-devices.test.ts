import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import type { AuditEventType } from "../../src/audit/event-types.ts";
import { loginNameKey } from "../../src/users/login-names.ts";
import { changePassword, NEW_PASSWORD, recoveryToken, resetPassword } from "../support/account.ts";
import { altered } from "../support/altered.ts";
import { type Answer, appWith, atOnce, call, expectProblem, get, post, type Send } from "../support/client.ts";
import { withoutTable } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import {
  addTotp,
  codeOf,
  confirmTotp,
  enrolled,
  nextStep,
  pendingToken,
  secondStep,
  type WithTotp,
} from "../support/factors.ts";
import { eventsOf, rowOf, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const DAY = 86_400_000;
const ORIGIN = "http://localhost:8787";
const NAME = "postern_trusted_device";
const PATH = "/api/v1/users/me/trusted-devices";

type Trusting = WithTotp & { trust: string };

/** A person who has trusted a device, with a recovery code as the second factor. */
async function trusting(): Promise<Trusting> {
  const person = await enrolled();
  return { ...person, trust: await trustOf(person) };
}

/** Logs in with a recovery code, and trusts the device. Returns the device's token. */
async function trustOf(person: WithTotp, more: object = {}): Promise<string> {
  const answer = await secondStep(await pendingToken(person, more), {
    recovery_code: person.recoveryCodes.pop(),
    trust_device: true,
  });
  expect(answer.status, answer.text).toBe(200);
  expect(answer.json.trusted_device_token).toMatch(/^ptd_/);
  return answer.json.trusted_device_token;
}

/** A login with the password and the token of a trusted device. */
const logInFrom = ({ email, password }: Pick<Trusting, "email" | "password">, trust: string, send?: Send) =>
  post("/api/v1/auth/login", { email, password, trusted_device_token: trust }, {}, send);

const listOf = async (bearer: string) => (await get(PATH, { bearer })).json.items;

async function expectTrusted(person: Trusting): Promise<Answer> {
  const answer = await logInFrom(person, person.trust);
  expect(answer.status, answer.text).toBe(200);
  return answer;
}

const expectAsked = async (person: Pick<Trusting, "email" | "password">, trust: string) =>
  expectProblem(await logInFrom(person, trust), 403, "second_factor_required");

describe("a trusted device", () => {
  it("logs in with the password alone, and the tokens say no more than that", async () => {
    const person = await trusting();
    const { json } = await expectTrusted(person);
    expect(decodeJwt(json.access_token)).toMatchObject({ amr: ["pwd"], acr: "aal1" });
    expect(json).not.toHaveProperty("trusted_device_token");
    await pendingToken(person);
  });

  it("gets a session that proves the factor before it changes factors [MF-5]", async () => {
    const person = await trusting();
    const { json } = await expectTrusted(person);
    const refused = await addTotp(json.access_token);
    expectProblem(refused, 403, "reauthentication_required");
    expect(refused.json).toMatchObject({ acr_values: "aal2" });
    nextStep();
    const raised = await post(
      "/api/v1/auth/reauthenticate",
      { totp: await codeOf(person.totp.secret) },
      { bearer: json.access_token },
    );
    expect(decodeJwt(raised.json.access_token)).toMatchObject({ acr: "aal2" });
    expect((await addTotp(raised.json.access_token)).status).toBe(201);
  });

  it("is one that the user asked for", async () => {
    const person = await enrolled();
    const answer = await secondStep(await pendingToken(person), { totp: await codeOf(person.totp.secret) });
    expect(answer.status).toBe(200);
    expect(answer.json).not.toHaveProperty("trusted_device_token");
    expect(await listOf(answer.json.access_token)).toEqual([]);
  });

  it("does not replace the password", async () => {
    const person = await trusting();
    const wrong = { ...person, password: "a wrong password, surely" };
    expectProblem(await logInFrom(wrong, person.trust), 401, "invalid_credentials");
  });

  it("is trusted for 30 days, however often it is used", async () => {
    const person = await trusting();
    vi.setSystemTime(Date.now() + 30 * DAY - 60_000);
    await expectTrusted(person);
    vi.setSystemTime(Date.now() + 60_000);
    await expectAsked(person, person.trust);
    const { json } = await secondStep(await pendingToken(person), { recovery_code: person.recoveryCodes.pop() });
    expect(await listOf(json.access_token)).toEqual([]);
  });

  it("is trusted for as long as TRUSTED_DEVICE_DAYS says, and not at all with 0", async () => {
    const person = await trusting();
    const off = appWith({ TRUSTED_DEVICE_DAYS: "0" });
    expectProblem(await logInFrom(person, person.trust, off), 403, "second_factor_required");
    const proof = { recovery_code: person.recoveryCodes.pop(), trust_device: true };
    const untrusted = await secondStep(await pendingToken(person), proof, {}, off);
    expect(untrusted.status).toBe(200);
    expect(untrusted.json).not.toHaveProperty("trusted_device_token");
    const week = appWith({ TRUSTED_DEVICE_DAYS: "7" });
    const again = { recovery_code: person.recoveryCodes.pop(), trust_device: true };
    const { json } = await secondStep(await pendingToken(person), again, {}, week);
    vi.setSystemTime(Date.now() + 7 * DAY);
    await expectAsked(person, json.trusted_device_token);
    await expectTrusted(person);
  });

  it("is trusted by one user only, and a token of nobody is ignored", async () => {
    const [ada, grace] = [await trusting(), await trusting()];
    await expectAsked(ada, grace.trust);
    await expectAsked(ada, altered(ada.trust));
    await expectAsked(ada, "ptd_AAAA");
    await expectAsked(ada, await pendingToken(ada));
    await expectTrusted(grace);
  });

  it("is forgotten as the oldest of more than twenty", async () => {
    const person = await trusting();
    await runInDurableObject(env.USER_SESSIONS.getByName(person.userId), (_, { storage }) => {
      for (let number = 10; number < 29; number++) {
        storage.sql.exec(
          "INSERT INTO trusted_devices SELECT ?, epoch, device_name, user_agent, created_at, last_used_at, expires_at, session_id FROM trusted_devices LIMIT 1",
          `ffffffff-0000-7000-8000-0000000000${number}`,
        );
      }
    });
    await expectTrusted(person);
    nextStep();
    await trustOf(person);
    await expectAsked(person, person.trust);
  });
});

describe("the trust in a device ends", () => {
  it("with a change of the password", async () => {
    const person = await trusting();
    expect((await changePassword(person)).status).toBe(204);
    await expectAsked({ ...person, password: NEW_PASSWORD }, person.trust);
    const { json } = await secondStep(await pendingToken({ ...person, password: NEW_PASSWORD }), {
      recovery_code: person.recoveryCodes.pop(),
    });
    await eventually(async () => expect(await listOf(json.access_token)).toEqual([]));
  });

  it("with a reset of the password [PR-7]", async () => {
    const person = await trusting();
    expect((await resetPassword(await recoveryToken(person, 3))).status).toBe(204);
    await expectAsked({ ...person, password: NEW_PASSWORD }, person.trust);
  });

  it.each<[string, (person: Trusting & { spare: string }) => Promise<Answer>]>([
    ["a factor is added", ({ accessToken }) => addApp(accessToken).then(({ confirmed }) => confirmed)],
    [
      "a factor is removed",
      ({ accessToken: bearer, spare }) => call("DELETE", `/api/v1/users/me/factors/${spare}`, { bearer }),
    ],
    [
      "an operator removes all factors, and the user adds one",
      async ({ accessToken, userId }) => {
        const { accessToken: bearer } = await withStanding("admin");
        expect((await call("DELETE", `/api/v1/users/${userId}/factors`, { bearer })).status).toBe(204);
        return (await addApp(accessToken)).confirmed;
      },
    ],
    [
      "there are new recovery codes",
      ({ accessToken: bearer }) => post("/api/v1/users/me/recovery-codes", undefined, { bearer }),
    ],
    [
      "it is removed",
      async ({ accessToken: bearer }) => call("DELETE", `${PATH}/${(await listOf(bearer))[0].id}`, { bearer }),
    ],
    ["all are removed", ({ accessToken: bearer }) => call("DELETE", PATH, { bearer })],
  ])("when %s", async (_what, change) => {
    const owner = await enrolled();
    const { id: spare } = await addApp(owner.accessToken);
    const person = { ...owner, spare, trust: await trustOf(owner) };
    await expectTrusted(person);
    const changed = await change(person);
    expect(changed.status, changed.text).toBeLessThan(300);
    await expectAsked(person, person.trust);
  });

  it("when an operator ends all sessions", async () => {
    const person = await trusting();
    const { accessToken: bearer } = await withStanding("admin");
    expect((await post(`/api/v1/users/${person.userId}/revoke-sessions`, undefined, { bearer })).status).toBe(204);
    await expectAsked(person, person.trust);
  });

  it("with the account", async () => {
    const person = await trusting();
    const { accessToken: bearer, password, userId } = person;
    expect((await call("DELETE", "/api/v1/users/me", { bearer, body: { password } })).status).toBe(204);
    await eventually(async () => expect(await storedOf(userId)).toEqual([]));
  });

  it("for all logins that come at the same time", async () => {
    const person = await trusting();
    const [answers] = await Promise.all([
      atOnce(6, () => logInFrom(person, person.trust)),
      call("DELETE", PATH, { bearer: person.accessToken }),
    ]);
    for (const { status } of answers) expect([200, 403]).toContain(status);
    await expectAsked(person, person.trust);
  });

  it("before it begins, where the login fails after all", async () => {
    const person = await enrolled();
    const pending = await pendingToken(person);
    const proof = { recovery_code: person.recoveryCodes.pop(), trust_device: true };
    await withoutTable("users", async () => {
      expect((await secondStep(pending, proof)).status).toBe(503);
    });
    await eventually(async () => expect(await storedOf(person.userId)).toEqual([]));
  });
});

describe("a login from a device that is not trusted any more", () => {
  it("counts as none: the network stays unknown, and only the failure is recorded", async () => {
    const person = await trusting();
    await call("DELETE", PATH, { bearer: person.accessToken });
    const before = await env.USER_SESSIONS.getByName(person.userId).list();
    const { email, password, trust: trusted_device_token } = person;
    const address = "198.18.77.1";
    const answer = await post("/api/v1/auth/login", { email, password, trusted_device_token }, { address });
    expectProblem(answer, 403, "second_factor_required");
    expect(await env.USER_SESSIONS.getByName(person.userId).list()).toHaveLength(before.length);
    const next = await coldIsolate().loginAttempts.take(loginNameKey({ email }), address);
    expect(next).toMatchObject({ isKnownNetwork: false });
    const [failure] = await detailsOf(person, "login_failed", "reason");
    expect(failure).toEqual({ reason: "second_factor_required" });
    const successes = await eventsOf(person.userId, "login_succeeded");
    expect(successes.filter(({ details }) => String(details).includes("trusted_device"))).toEqual([]);
  });

  it("leaves a network known that was known before", async () => {
    const person = await trusting();
    await call("DELETE", PATH, { bearer: person.accessToken });
    const { email, password, trust: trusted_device_token } = person;
    const address = "198.18.78.1";
    const pending = await post("/api/v1/auth/login", { email, password }, { address });
    nextStep();
    const totp = await codeOf(person.totp.secret);
    const known = await post(
      "/api/v1/auth/second-factor",
      { pending_token: pending.json.pending_token, totp },
      { address },
    );
    expect(known.status, known.text).toBe(200);
    const answer = await post("/api/v1/auth/login", { email, password, trusted_device_token }, { address });
    expectProblem(answer, 403, "second_factor_required");
    const next = await coldIsolate().loginAttempts.take(loginNameKey({ email }), address);
    expect(next).toMatchObject({ isKnownNetwork: true });
  });
});

describe("the devices that a user trusts", () => {
  it("are listed to their owner, who sees where the trust comes from", async () => {
    const person = await enrolled();
    const trust = await trustOf(person, { device_name: "Ada's laptop" });
    const { json } = await expectTrusted({ ...person, trust });
    const [device, ...others] = await listOf(json.access_token);
    expect(others).toEqual([]);
    expect(device).toMatchObject({ device_name: "Ada's laptop", current: true });
    expect(Date.parse(device.expires_at) - Date.parse(device.created_at)).toBeCloseTo(30 * DAY, -4);
    expect((await listOf(person.accessToken))[0]).toMatchObject({ id: device.id, current: false });
  });

  it("are not those of another user", async () => {
    const [ada, grace] = [await trusting(), await trusting()];
    const [device] = await listOf(ada.accessToken);
    const path = `${PATH}/${device.id}`;
    expectProblem(await call("DELETE", path, { bearer: grace.accessToken }), 404, "not_found");
    expect((await call("DELETE", PATH, { bearer: grace.accessToken })).status).toBe(204);
    await expectTrusted(ada);
  });

  it("are recorded and exported, without what makes a login", async () => {
    const person = await trusting();
    const [device] = await listOf(person.accessToken);
    await call("DELETE", `${PATH}/${device.id}`, { bearer: person.accessToken });
    const again = await trustOf(person);
    await call("DELETE", PATH, { bearer: person.accessToken });
    await call("DELETE", PATH, { bearer: person.accessToken });
    const trusted = await detailsOf(person, "device_trusted", "device_id");
    expect(trusted).toHaveLength(2);
    expect(trusted).toContainEqual({ device_id: device.id });
    expect(await detailsOf(person, "trusted_device_removed", "device_id")).toEqual([{ device_id: device.id }]);
    expect(await eventsOf(person.userId, "trusted_devices_removed")).toHaveLength(1);

    const third = await trustOf(person);
    const exported = await get("/api/v1/users/me/export", { bearer: person.accessToken });
    expect(exported.json.trusted_devices).toEqual(await listOf(person.accessToken));
    const stored = JSON.stringify([await storedOf(person.userId), await rowOf(person.email)]);
    for (const token of [person.trust, again, third]) {
      expect(exported.text).not.toContain(token.slice(4, 40));
      expect(stored).not.toContain(token.slice(4, 40));
    }
  });
});

describe("the cookie of a trusted device", () => {
  const cookieOf = (answer: Answer) => new RegExp(`${NAME}=([^;,]*)`).exec(answer.headers.get("Set-Cookie") ?? "")?.[1];
  const from = (cookie = "") => ({ Origin: ORIGIN, ...(cookie && { Cookie: `${NAME}=${cookie}` }) });
  const enter = ({ email, password }: WithTotp, cookie: string, more: object = { cookie: true }) =>
    post("/api/v1/auth/login", { email, password, ...more }, { headers: from(cookie) });

  async function trustedBrowser() {
    const person = await enrolled();
    const asked = await enter(person, "");
    const proof = { totp: await codeOf(person.totp.secret), trust_device: true };
    const answer = await secondStep(asked.json.pending_token, proof, from());
    expect(answer.status, answer.text).toBe(200);
    return { person, answer, cookie: cookieOf(answer) ?? "" };
  }

  it("holds its token, which scripts never get", async () => {
    const { answer, cookie, person } = await trustedBrowser();
    expect(cookie).toMatch(/^ptd_/);
    expect(answer.text).not.toContain("ptd_");
    expect(answer.headers.get("Set-Cookie")).toMatch(
      new RegExp(`${NAME}=ptd_[\\w-]+; Max-Age=2592000; Path=/api/v1/auth; HttpOnly; SameSite=Strict`),
    );
    const entered = await enter(person, cookie);
    expect(entered.status, entered.text).toBe(200);
    expect(cookieOf(entered)).toBeUndefined();
  });

  it("counts only in cookie mode, where the origin is checked", async () => {
    const { cookie, person } = await trustedBrowser();
    expectProblem(await enter(person, cookie, {}), 403, "second_factor_required");
    const body = { email: person.email, password: person.password, cookie: true };
    const headers = { Cookie: `${NAME}=${cookie}`, Origin: "https://evil.example" };
    expectProblem(await post("/api/v1/auth/login", body, { headers }), 403, "origin_not_allowed");
  });

  it("is cleared once its user trusts the device no more, and stays for another user of the browser", async () => {
    const { cookie, person } = await trustedBrowser();
    const other = await enter(await enrolled(), cookie);
    expectProblem(other, 403, "second_factor_required");
    expect(other.headers.get("Set-Cookie")).toBeNull();
    const logged = await enter(person, cookie);
    await call("DELETE", PATH, { bearer: logged.json.access_token });
    const refused = await enter(person, cookie);
    expectProblem(refused, 403, "second_factor_required");
    expect(refused.headers.get("Set-Cookie")).toContain(`${NAME}=; Max-Age=0; Path=/api/v1/auth`);
  });

  it("is found among cookies that another app set under its name", async () => {
    const { cookie, person } = await trustedBrowser();
    const entered = await enter(person, `nonsense; ${NAME}=ptd_AAAA; ${NAME}=${cookie}`);
    expect(entered.status, entered.text).toBe(200);
  });
});

/** The rows of trusted devices in the user's object. */
function storedOf(userId: string): Promise<unknown[]> {
  return runInDurableObject(env.USER_SESSIONS.getByName(userId), (_, { storage }) => {
    const names = storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'trusted_devices'").toArray();
    return names.length === 0 ? [] : storage.sql.exec("SELECT * FROM trusted_devices").toArray();
  });
}

/** The details with this member, from the user's events of this type. Waits for the first such event. */
function detailsOf({ userId }: Trusting, type: AuditEventType, member: string): Promise<Record<string, unknown>[]> {
  return eventually(async () => {
    const details = (await eventsOf(userId, type)).map((event) => JSON.parse(String(event.details)));
    const found = details.filter((detail) => Object.hasOwn(detail, member));
    expect(found).not.toEqual([]);
    return found;
  });
}

async function addApp(bearer: string): Promise<{ id: string; confirmed: Answer }> {
  const { id, secret } = (await addTotp(bearer)).json;
  const confirmed = await confirmTotp(bearer, await codeOf(secret));
  expect(confirmed.status, confirmed.text).toBe(200);
  return { id, confirmed };
}
