import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import { tryLogin } from "../support/account.ts";
import { appWith, call, expectProblem, get, post } from "../support/client.ts";
import { setUser, withoutTable } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { codeOf, enrolled, pendingToken, secondStep, type WithTotp } from "../support/factors.ts";
import { recordLogs } from "../support/logs.ts";
import { loggedIn, rowOf, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const DAY = 86_400_000;
const NEW = { AUTH_SECRET: "quite another secret, long enough to pass too" };
const ROTATING = { ...NEW, AUTH_SECRET_PREVIOUS: env.AUTH_SECRET };

const since = async ({ email }: WithTotp) => (await rowOf(email))?.second_factor_since;

const stored = ({ userId }: WithTotp) =>
  runInDurableObject(env.USER_SESSIONS.getByName(userId), (_, { storage }) => {
    const tables = [...storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")];
    const names = tables.map(({ name }) => name).filter((name) => !name.startsWith("_"));
    const rows = names
      .filter((name) => name !== "spent_tokens")
      .flatMap((name) => [...storage.sql.exec(`SELECT * FROM ${name}`)]);
    return JSON.stringify([rows, [...storage.kv.list()]]);
  });

describe("what is stored of second factors", () => {
  it("contains neither the secret of the app nor a recovery code, in the object and in D1 [MF-3, MF-4]", async () => {
    const person = await enrolled();
    const text = (await stored(person)) + JSON.stringify(await rowOf(person.email));
    expect(text).toContain(person.totp.id);
    for (const secret of [person.totp.secret, ...person.recoveryCodes]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(secret.replaceAll("-", ""));
    }
  });

  it("is known to D1 as long as there is a factor", async () => {
    const person = await enrolled();
    expect(await since(person)).toBeGreaterThan(0);
    await call("DELETE", `/api/v1/users/me/factors/${person.totp.id}`, { bearer: person.accessToken });
    expect(await since(person)).toBeNull();
  });

  it("is known to D1 later, if D1 does not answer", async () => {
    const person = await enrolled();
    await withoutTable("users", async () => {
      await coldIsolate()
        .factors.changesBy({ ...person, hasProvedFactor: true })
        .remove(person.totp.id, { keepsLast: false, keepsPasskey: false });
    });
    expect(await since(person)).toBeGreaterThan(0);
    vi.setSystemTime(Date.now() + 10_000);
    await runDurableObjectAlarm(env.USER_SESSIONS.getByName(person.userId));
    expect(await since(person)).toBeNull();
  });

  it("does not keep the user's object in memory after its factors were read", async () => {
    const { userId } = await loggedIn();
    await coldIsolate().factors.list(userId);
    // Waits until nothing uses the object, and fails after half a minute.
    await evictDurableObject(env.USER_SESSIONS.getByName(userId));
  });

  it("outlives all sessions", async () => {
    const person = await enrolled();
    await post("/api/v1/auth/logout", { all: true }, { bearer: person.accessToken });
    vi.setSystemTime(Date.now() + 400 * DAY);
    await runDurableObjectAlarm(env.USER_SESSIONS.getByName(person.userId));
    await runDurableObjectAlarm(env.USER_SESSIONS.getByName(person.userId));
    const answer = await secondStep(await pendingToken(person), { totp: await codeOf(person.totp.secret) });
    expect(answer.status, answer.text).toBe(200);
  });

  it("keeps no key for an account that was deleted meanwhile", async () => {
    expect(await coldIsolate().factorKeys.keep(crypto.randomUUID(), "secret.AAAA")).toBeUndefined();
  });

  it("is deleted with the account", async () => {
    const person = await enrolled();
    const { password, accessToken: bearer } = person;
    expect((await call("DELETE", "/api/v1/users/me", { bearer, body: { password } })).status).toBe(204);
    await eventually(async () => expect(await stored(person)).not.toContain(person.totp.id));
  });

  it("is in the user's export, without secrets", async () => {
    const person = await enrolled();
    const { json, text } = await get("/api/v1/users/me/export", { bearer: person.accessToken });
    expect(json).toMatchObject({ second_factors: [{ id: person.totp.id, kind: "totp" }], recovery_codes_left: 10 });
    expect(text).not.toContain(person.totp.secret);
  });

  it("survives a change of AUTH_SECRET, once the cron job has sealed the keys again", async () => {
    const person = await enrolled();
    const before = (await rowOf(person.email))?.factor_key;
    await runCronTasks(coldIsolate(ROTATING));
    const after = (await rowOf(person.email))?.factor_key;
    expect(after).not.toBe(before);
    const send = appWith(NEW);
    const proof = { totp: await codeOf(person.totp.secret) };
    expect((await secondStep(await pendingToken(person, {}, send), proof, {}, send)).status).toBe(200);
    await runCronTasks(coldIsolate(ROTATING));
    expect((await rowOf(person.email))?.factor_key, "a key is sealed again once").toBe(after);
  });

  it("fails closed if no secret opens the key, and the log says whose it is", async () => {
    const person = await enrolled();
    await env.DB.prepare("UPDATE users SET factor_key = 'lost.AAAA' WHERE id = ?").bind(person.userId).run();
    const logs = recordLogs();
    const answer = await secondStep(await pendingToken(person), { totp: await codeOf(person.totp.secret) });
    expect(answer.json.code).toBe("invalid_factor");
    const fact = { level: "error", event: "factor_key_unreadable", user_id: person.userId };
    expect(logs()).toContainEqual(expect.objectContaining(fact));
    await env.DB.prepare("UPDATE users SET factor_key = NULL WHERE id = ?").bind(person.userId).run();
  });
});

describe("a backup of D1 that is restored", () => {
  it("does not make the password alone enough, where the user's object has no factor", async () => {
    const person = await loggedIn();
    await setUser(person, { second_factor_since: 1, factor_key: "secret.AAAA" });
    const refused = await tryLogin(person);
    expectProblem(refused, 403, "second_factor_lost");
    expect(await env.USER_SESSIONS.getByName(person.userId).list()).toHaveLength(1);
    const admin = await withStanding("admin");
    const path = `/api/v1/users/${person.userId}/factors`;
    expect((await call("DELETE", path, { bearer: admin.accessToken })).status).toBe(204);
    expect((await tryLogin(person)).status).toBe(200);
    await setUser(person, { factor_key: null });
  });

  it("refuses the login, where D1 has lost the key of the factors", async () => {
    const person = await enrolled();
    await setUser(person, { second_factor_since: null, factor_key: null });
    expectProblem(await tryLogin(person), 403, "second_factor_lost");
  });
});
