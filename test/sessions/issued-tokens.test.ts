import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { revocationKey } from "../../src/sessions/revocation-record.ts";
import { refresh, tryLogin } from "../support/account.ts";
import { type Answer, appWith, call, post } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { type LoggedIn, type Person, registered, withStanding } from "../support/people.ts";

const HOUR = 3_600;
const SHORT = { ACCESS_TOKEN_EXPIRE_MINUTES: "1" };

/** The service before and after an operator lowered the lifetime of access tokens from a day to a minute. */
const before = appWith({ ACCESS_TOKEN_EXPIRE_MINUTES: "1440" });
const after = appWith(SHORT);

async function logIn(person: Person, send = before): Promise<Answer["json"]> {
  const answer = await tryLogin(person, {}, send);
  expect(answer.status, answer.text).toBe(200);
  return answer.json;
}

const rotate = async (token: string, send = after) => (await refresh(token, send)).json;
const logOut = (token: string, send = after, all = false) =>
  post("/api/v1/auth/logout", { refresh_token: token, all }, {}, send);
const expiryOf = (accessToken: string) => decodeJwt(accessToken).exp ?? 0;

interface KvRecord {
  sessions: Record<string, number>;
  role?: string;
}

/** Waits until the user's record in KV meets the condition. `keptUntil`: when KV drops it, in seconds since 1970. */
async function recordOf(userId: string, holds: (record: KvRecord) => boolean) {
  return eventually(async () => {
    const record = await env.REVOCATIONS.get<KvRecord>(revocationKey(userId), "json");
    if (record === null || !holds(record)) throw new Error("KV has no such record yet.");
    const { keys } = await env.REVOCATIONS.list({ prefix: revocationKey(userId) });
    return { ...record, keptUntil: keys[0]?.expiration ?? 0 };
  });
}

/** Expects that other Workers refuse the session until its token expires, even with a clock a minute behind. */
async function expectRefused(userId: string, sessionId: string, accessToken: string): Promise<void> {
  const { sessions, keptUntil } = await recordOf(userId, (record) => sessionId in record.sessions);
  expect(sessions[sessionId]).toBeGreaterThanOrEqual(expiryOf(accessToken) + 60);
  expect(keptUntil).toBeGreaterThanOrEqual(expiryOf(accessToken) + 60);
}

describe("after the lifetime of access tokens was lowered, other Workers still refuse the older tokens", () => {
  let admin: LoggedIn;
  let operator: { bearer: string };

  beforeAll(async () => {
    admin = await withStanding("admin");
    operator = { bearer: (await logIn(admin, after)).access_token };
  });

  const WAYS: [string, (person: Person, session: Answer["json"]) => Promise<unknown>][] = [
    ["a logout", (_, { refresh_token }) => logOut(refresh_token)],
    [
      "a logout everywhere by another session",
      async (person) => {
        await logOut((await logIn(person, after)).refresh_token, after, true);
      },
    ],
    [
      "the list of sessions",
      async (person, { session_id }) => {
        const { access_token } = await logIn(person, after);
        await call("DELETE", `/api/v1/users/me/sessions/${session_id}`, { bearer: access_token }, after);
      },
    ],
    [
      "a change of the password",
      async (person) => {
        const { access_token } = await logIn(person, after);
        const body = { current_password: person.password, new_password: `${person.password}, changed` };
        await post("/api/v1/users/change-password", body, { bearer: access_token }, after);
      },
    ],
    [
      "reuse of its refresh token",
      async (_, { refresh_token }) => {
        const next = await rotate(refresh_token);
        await rotate(next.refresh_token);
        expect((await rotate(refresh_token)).code).toBe("refresh_token_reused");
      },
    ],
    [
      "one session more than a user may have",
      async (person) => {
        vi.setSystemTime(Date.now() + 1_000);
        await logIn(person, appWith({ ...SHORT, SESSIONS_PER_USER: "1" }));
      },
    ],
    [
      "a suspension",
      (_, { user }) => call("PATCH", `/api/v1/users/${user.id}`, { ...operator, body: { is_active: false } }, after),
    ],
    [
      "a deletion of the account",
      (person, { user }) =>
        call("DELETE", `/api/v1/users/${user.id}`, { ...operator, body: { password: person.password } }, after),
    ],
  ];

  it.each(WAYS)("if their session was ended by %s [SE-7]", async (_, end) => {
    const person = await registered();
    const session = await logIn(person);
    expect(session.expires_in).toBe(24 * HOUR);
    await end(person, session);
    await expectRefused(session.user.id, session.session_id, session.access_token);
  });

  it("if the role changed", async () => {
    const { access_token, user } = await logIn(await registered());
    await call("PATCH", `/api/v1/users/${user.id}`, { ...operator, body: { role: "moderator" } }, after);
    const { keptUntil } = await recordOf(user.id, ({ role }) => role === "moderator");
    expect(keptUntil).toBeGreaterThanOrEqual(expiryOf(access_token) + 60);
  });

  it("if the session has got shorter tokens since", async () => {
    const session = await logIn(await registered());
    let token = session.refresh_token;
    for (let time = 0; time < 3; time++) token = (await rotate(token)).refresh_token;
    await logOut(token);
    await expectRefused(session.user.id, session.session_id, session.access_token);
  });

  it("if the longer token was a repeated answer to a token that was just used", async () => {
    const session = await logIn(await registered(), after);
    await rotate(session.refresh_token, after);
    const repeated = await rotate(session.refresh_token, before);
    await logOut(repeated.refresh_token);
    await expectRefused(session.user.id, session.session_id, repeated.access_token);
  });

  it("if an earlier version, which did not record lifetimes, issued them", async () => {
    const person = await registered();
    const session = await logIn(person);
    const object = env.USER_SESSIONS.getByName(session.user.id);
    await runInDurableObject(object, (_, { storage }) => storage.kv.delete("issued_tokens"));
    await evictDurableObject(object);
    await logOut(session.refresh_token);
    await expectRefused(session.user.id, session.session_id, session.access_token);
  });

  it("and no longer than necessary: when they have expired, the shorter lifetime counts", async () => {
    const person = await registered();
    const session = await logIn(person);
    await rotate(session.refresh_token);
    vi.setSystemTime(Date.now() + 25 * HOUR * 1_000);
    const { refresh_token, session_id, user } = await logIn(person, after);
    await logOut(refresh_token);
    await runDurableObjectAlarm(env.USER_SESSIONS.getByName(user.id));
    const { sessions } = await recordOf(user.id, (record) => session_id in record.sessions);
    expect(sessions[session_id]).toBeLessThanOrEqual(Date.now() / 1_000 + 180);
  });
});
