import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { deleteAccount } from "../../src/accounts/delete-account.ts";
import { createFollowUps } from "../../src/accounts/follow-ups.ts";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { exportMe } from "../../src/features/account/export-me.ts";
import { extend } from "../../src/platform/records.ts";
import { refresh, register, tryLogin, verifyEmail } from "../support/account.ts";
import { call, expectProblem, get, post } from "../support/client.ts";
import { countRows } from "../support/database.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { eventually } from "../support/eventually.ts";
import { recordLogs } from "../support/logs.ts";
import {
  eventsOf,
  loggedIn,
  logIn,
  mailAbout,
  mailedToken,
  mailsTo,
  newPerson,
  registered,
  rowOf,
  withStanding,
} from "../support/people.ts";
import { carryOutLeft, coldIsolate, NOTHING_FOLLOWS } from "../support/services.ts";
import { appInterrupted } from "../support/slow-database.ts";

const ME = "/api/v1/users/me";
const DAY = 86_400_000;

const leave = (bearer: string, password: string) => call("DELETE", ME, { bearer, body: { password } });

describe("DELETE /api/v1/users/me", () => {
  it("takes the password, and nothing happens without it", async () => {
    const person = await loggedIn();
    expectProblem(await leave(person.accessToken, "a wrong password"), 403, "wrong_password");
    expectProblem(await call("DELETE", ME, { bearer: person.accessToken, body: {} }), 422, "validation_failed");
    expectProblem(await call("DELETE", ME, { body: { password: person.password } }), 401, "unauthorized");
    expect((await get(ME, { bearer: person.accessToken })).status).toBe(200);
  });

  it("limits guesses at the password with a stolen token", async () => {
    const person = await loggedIn();
    for (let guess = 0; guess < 10; guess++) {
      expectProblem(await leave(person.accessToken, `guess number ${guess}`), 403, "wrong_password");
    }
    expectProblem(await leave(person.accessToken, person.password), 429, "rate_limited");
  });

  it("makes the account, its sessions and its waiting changes gone at once [SE-9]", async () => {
    const person = await loggedIn();
    const other = await logIn(person);
    const change = { email: newPerson().email, password: person.password };
    expect((await post(`${ME}/email`, change, { bearer: person.accessToken })).status).toBe(202);
    await register({ ...newPerson(), email: person.email });
    expect((await leave(person.accessToken, person.password)).status).toBe(204);

    expect(await rowOf(person.email)).toBeNull();
    for (const { accessToken, refreshToken } of [person, other]) {
      expectProblem(await get(ME, { bearer: accessToken }), 401, "invalid_access_token");
      expectProblem(await refresh(refreshToken), 401, "invalid_refresh_token");
    }
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
    for (const [table, column, value] of [
      ["users", "id", person.userId],
      ["email_changes", "user_id", person.userId],
      ["registrations", "email", person.email],
    ] as const) {
      expect(await countRows(table, column, value), table).toBe(0);
    }
    await mailsTo(person.email, 2);
  });

  it("says goodbye by mail", async () => {
    const person = await loggedIn();
    await leave(person.accessToken, person.password);
    await mailAbout(person.email, /^Your Postern account has been deleted$/);
  });

  it("tells other Workers through KV, and leaves nothing there or in the object when that has lapsed", async () => {
    const person = await loggedIn();
    await leave(person.accessToken, person.password);
    const key = `revoked:${person.userId}`;
    await eventually(async () => expect(await env.REVOCATIONS.get(key)).toContain(person.sessionId));
    const object = env.USER_SESSIONS.getByName(person.userId);
    expect(await object.devices()).toEqual([]);
    vi.setSystemTime(Date.now() + 32 * 60_000);
    await runDurableObjectAlarm(object);
    const left = await runInDurableObject(object, async (_, state) => [
      ...state.storage.kv.list(),
      ...state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'sessions'").toArray(),
    ]);
    expect(left).toEqual([]);
  });

  it("leaves no address, agent or name in the audit log, not even in events that arrive later", async () => {
    const address = "192.0.2.77";
    const agent = "The user's very own browser";
    const options = { address, headers: { "User-Agent": agent } };
    const person = await logIn(await registered(), {}, options);
    await post("/api/v1/auth/login", { email: person.email, password: "a wrong password" }, options);
    await eventsOf(person.userId, "login_succeeded");
    await eventsOf(person.userId, "login_failed");
    await call("DELETE", ME, { bearer: person.accessToken, body: { password: person.password }, ...options });
    await eventsOf(person.userId, "account_deleted");
    const late = {
      ...{ id: crypto.randomUUID(), type: "logged_out" as const, occurredAt: Date.now(), details: null },
      ...{ actorId: person.userId, userId: person.userId, ipAddress: address, userAgent: agent, requestId: null },
    };
    await coldIsolate().auditEvents.add([late]);
    const { results } = await env.DB.prepare("SELECT * FROM audit_events WHERE user_id = ?").bind(person.userId).all();
    expect(results.length).toBeGreaterThanOrEqual(5);
    const text = JSON.stringify(results);
    for (const trace of [address, agent, person.email, person.username]) expect(text).not.toContain(trace);
  });

  it("keeps the username from being borne for a while, by registering or renaming, and the address free at once [JW-3]", async () => {
    const person = await loggedIn();
    const renamer = await loggedIn();
    await leave(person.accessToken, person.password);

    const taken = await register({ ...newPerson(), username: person.username.toUpperCase() });
    expectProblem(taken, 409, "username_taken");
    const renamed = await call("PUT", ME, { bearer: renamer.accessToken, body: { username: person.username } });
    expectProblem(renamed, 409, "username_taken");
    expect((await register({ ...newPerson(), email: person.email })).status).toBe(202);
    const token = await mailedToken(person.email, 3);
    expect((await verifyEmail(token)).status).toBe(200);
    expect((await rowOf(person.email))?.id, "no id is used twice").not.toBe(person.userId);
    const { results } = await env.DB.prepare("SELECT * FROM retired_usernames").all();
    expect(JSON.stringify(results)).not.toContain(person.username);

    vi.setSystemTime(Date.now() + 91 * DAY);
    await runCronTasks(coldIsolate());
    expect((await register({ ...newPerson(), username: person.username })).status).toBe(202);
    const digests = await env.DB.prepare("SELECT count(*) AS count FROM retired_usernames").first();
    expect(digests).toEqual({ count: 0 });
  });

  it("ends a session that was opened while the account was being deleted", async () => {
    const person = await loggedIn();
    const attempts = Array.from({ length: 4 }, () => tryLogin(person));
    const [left, ...logins] = await Promise.all([leave(person.accessToken, person.password), ...attempts]);
    expect(left.status).toBe(204);
    for (const login of logins.filter(({ status }) => status === 200)) {
      expect((await get(ME, { bearer: login.json.access_token })).status).toBe(401);
    }
    expect(await env.USER_SESSIONS.getByName(person.userId).list()).toEqual([]);
  });

  it("leaves nothing of a change of address that was being asked for", async () => {
    const person = await loggedIn();
    const send = appInterrupted("insert into `email_changes`", () => leave(person.accessToken, person.password));
    const body = { email: newPerson().email, password: person.password };
    expectProblem(await post(`${ME}/email`, body, { bearer: person.accessToken }, send), 401, "invalid_access_token");
    expect(await countRows("email_changes", "user_id", person.userId)).toBe(0);
  });

  it("forgets the devices later if the object of sessions does not answer now", async () => {
    const person = await loggedIn();
    const services = coldIsolate();
    const user = await services.users.find(person.userId);
    if (user === undefined) throw new Error("not found");
    const sessions = { ...services.sessions, close: async () => Promise.reject(new Error("the object is away")) };
    const followUps = createFollowUps(extend(services, { sessions }), {
      ipAddress: null,
      userAgent: null,
      requestId: null,
    });
    expect(await deleteAccount(extend(services, { followUps }), user, user)).toBeUndefined();
    expect(await rowOf(person.email)).toBeNull();
    expect(await services.sessions.devices(person.userId)).toHaveLength(1);
    await carryOutLeft();
    expect(await services.sessions.devices(person.userId)).toEqual([]);
  });

  it("leaves nothing of a login that reaches the sessions when all is over", async () => {
    const person = await loggedIn();
    await leave(person.accessToken, person.password);
    const { sessions } = coldIsolate();
    const origin = { deviceName: null, userAgent: "left behind", ipAddress: "198.51.100.7", device: "digest" };
    expect(await sessions.create(person.userId, crypto.randomUUID(), 0, origin, ["pwd"])).toBeNull();
    expect(await sessions.list(person.userId)).toEqual([]);
    expect(await sessions.devices(person.userId)).toEqual([]);
  });

  it("is told to the address of before, where that could still undo the change of it", async () => {
    const owner = await loggedIn();
    const thief = newPerson().email;
    await post(`${ME}/email`, { email: thief, password: owner.password }, { bearer: owner.accessToken });
    await post("/api/v1/auth/confirm-email", { token: await mailedToken(thief) });
    await leave(owner.accessToken, owner.password);
    for (const email of [thief, owner.email]) await mailAbout(email, /^Your Postern account has been deleted$/);
  });

  it("keeps an account whose password changed at that moment", async () => {
    const person = await loggedIn();
    const { deletions, users } = coldIsolate();
    const user = await users.find(person.userId);
    if (user === undefined) throw new Error("not found");
    await env.DB.prepare("UPDATE users SET session_epoch = 1 WHERE id = ?").bind(person.userId).run();
    expect(
      await deletions.delete(user, user, { consequences: NOTHING_FOLLOWS, retiredUntil: Date.now() }),
    ).toMatchObject({ code: "precondition_failed" });
    expect(await rowOf(person.email)).not.toBeNull();
    const query = `SELECT count(*) AS count FROM retired_usernames WHERE retired_until < ${Date.now() + DAY}`;
    expect(await env.DB.prepare(query).first()).toEqual({ count: 0 });
  });
});

describe("GET /api/v1/users/me/export", () => {
  it("gives everything held about the user as one JSON document, offered as a file", async () => {
    const person = await logIn(await registered(), { device_name: "Ada's phone" });
    const change = { email: newPerson().email, password: person.password };
    await post(`${ME}/email`, change, { bearer: person.accessToken });
    await eventsOf(person.userId, "login_succeeded");
    await eventsOf(person.userId, "email_verified");
    const answer = await get(`${ME}/export`, { bearer: person.accessToken });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Disposition")).toBe(`attachment; filename="${person.username}.json"`);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    expect(answer.json).toMatchObject({
      user: { id: person.userId, email: person.email, username: person.username, locale: "en" },
      sessions: [{ id: person.sessionId, device_name: "Ada's phone", current: true }],
      devices: [{ digest: expect.any(String) }],
      email_changes: [{ old_email: person.email, new_email: change.email, confirmed_at: null }],
    });
    const types = answer.json.security_events.map(({ type }: { type: string }) => type);
    expect(types).toEqual(expect.arrayContaining(["login_succeeded", "email_verified"]));
    expect(answer.text).not.toMatch(/scrypt|epoch/);
    await eventsOf(person.userId, "data_exported");
  });

  it("holds all of the user's events and no other user's", async () => {
    const person = await loggedIn();
    const { auditEvents } = coldIsolate();
    const nothing = { actorId: null, ipAddress: null, userAgent: null, requestId: null, details: null };
    const blank = { ...nothing, type: "login_failed", occurredAt: 1, userId: person.userId } as const;
    const ids = Array.from({ length: 1_200 }, () => crypto.randomUUID());
    for (let start = 0; start < ids.length; start += 50) {
      await auditEvents.add(ids.slice(start, start + 50).map((id) => ({ ...blank, id })));
    }
    const { json } = await get(`${ME}/export`, { bearer: person.accessToken });
    const exported = new Set(json.security_events.map(({ id }: { id: string }) => id));
    expect(ids.every((id) => exported.has(id))).toBe(true);
    const stranger = await loggedIn();
    const theirs = await get(`${ME}/export`, { bearer: stranger.accessToken });
    expect(theirs.text).not.toContain(person.userId);
    expect(theirs.json.security_events.some(({ id }: { id: string }) => exported.has(id))).toBe(false);
  });

  it("holds what an operator did to others, and not to whom", async () => {
    const admin = await withStanding("admin");
    const person = await registered();
    const id = String((await rowOf(person.email))?.id);
    const headers = { "User-Agent": "The operator's own browser" };
    await call("PATCH", `/api/v1/users/${id}`, { bearer: admin.accessToken, body: { first_name: "Ada" }, headers });
    await eventsOf(id, "profile_changed");
    const { json, text } = await get(`${ME}/export`, { bearer: admin.accessToken });
    expect(json.events_of_others).toEqual([
      expect.objectContaining({ type: "profile_changed", user_agent: headers["User-Agent"] }),
    ]);
    expect(text).not.toContain(id);
  });

  it("breaks off where the database does, and tells the log alone why", async () => {
    const person = await loggedIn();
    const services = coldIsolate();
    const { auditEvents } = services;
    const logs = recordLogs();
    const list = async () => Promise.reject(new Error("D1 is away", { cause: new Error('near "secret"') }));
    const failing = extend(services, { auditEvents: { ...auditEvents, list } });
    const stream = outcomeOf(await runEndpoint(exportMe, failing, { bearer: person.accessToken }));
    if (!(stream instanceof ReadableStream)) throw new Error("not a stream");
    await expect(new Response(stream).text()).rejects.toThrow("The export was broken off.");
    expect(logs().find(({ event }) => event === "export_broken_off")?.error).not.toContain("secret");
  });

  it("takes an access token, and is limited", async () => {
    const person = await loggedIn();
    expectProblem(await get(`${ME}/export`), 401, "unauthorized");
    for (let turn = 0; turn < 5; turn++) {
      expect((await get(`${ME}/export`, { bearer: person.accessToken })).status).toBe(200);
    }
    expectProblem(await get(`${ME}/export`, { bearer: person.accessToken }), 429, "rate_limited");
  });
});
