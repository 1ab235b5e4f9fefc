import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createSecrets } from "../../src/platform/crypto.ts";
import { decodeBase64url } from "../../src/platform/encoding.ts";
import { signRefreshToken, verifyRefreshToken } from "../../src/sessions/refresh-token.ts";
import { readMe, refresh } from "../support/account.ts";
import { altered } from "../support/altered.ts";
import { appWith, atOnce, call, expectProblem, get, post, shown } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { eventsOf, loggedIn, logIn, registered, withStanding } from "../support/people.ts";

const REFRESH = "/api/v1/auth/refresh";
const secrets = createSecrets(env.AUTH_SECRET);

async function successor(token: string): Promise<string> {
  const answer = await refresh(token);
  expect(answer.status).toBe(200);
  return answer.json.refresh_token;
}

describe("POST /api/v1/auth/refresh", () => {
  it("hands out the next pair, whose access token works and whose session is the same [JW-10, SE-2]", async () => {
    const { refreshToken, sessionId } = await loggedIn();
    const answer = await refresh(refreshToken);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ token_type: "Bearer", expires_in: 1800, session_id: sessionId });
    expect(answer.json.refresh_token).not.toBe(refreshToken);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    expect((await readMe(answer.json.access_token)).status).toBe(200);
    expect([refreshToken, answer.json.refresh_token]).not.toContain(await successor(answer.json.refresh_token));
  });

  it("takes tokens that are signed with 256 bits, and of which nothing is stored [SE-1]", async () => {
    const { refreshToken, sessionId, userId } = await loggedIn();
    const stored = await runInDurableObject(env.USER_SESSIONS.getByName(userId), (_, { storage }) => {
      const rows = (query: string) => [...storage.sql.exec(query)];
      const tables = rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'");
      return JSON.stringify([tables.map(({ name }) => rows(`SELECT * FROM "${name}"`)), [...storage.kv.list()]]);
    });
    expect(stored).toContain(sessionId);
    expect(stored).not.toContain(refreshToken.slice(-43));
    const bytes = decodeBase64url(refreshToken.replace(/^prt_/, ""));
    expect(bytes?.byteLength).toBe(1 + 16 + 16 + 4 + 32);
  });

  it("keeps when the session was last used", async () => {
    const { refreshToken, userId } = await loggedIn();
    const later = Date.now() + 60_000;
    vi.setSystemTime(later);
    await successor(refreshToken);
    const [session] = await env.USER_SESSIONS.getByName(userId).list();
    expect(session?.lastUsedAt).toBeGreaterThanOrEqual(later);
    expect(session?.createdAt).toBeLessThan(later);
  });

  it("makes of 50 concurrent refreshes of one token one rotation, and gives all 50 the same successor [SE-4]", async () => {
    const { refreshToken, userId } = await loggedIn();
    const answers = await atOnce(50, () => refresh(refreshToken));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ json }) => json.refresh_token)).size).toBe(1);
    const next = await successor(answers[0]?.json.refresh_token);
    expect(verifyRefreshToken(next, secrets)).toMatchObject({ generation: 3, userId });
  });

  it("gives the previous token the same successor within the grace period, even after the object was evicted", async () => {
    const { refreshToken, userId } = await loggedIn();
    const next = await successor(refreshToken);
    await evictDurableObject(env.USER_SESSIONS.getByName(userId));
    vi.setSystemTime(Date.now() + 29_000);
    expect(await successor(refreshToken)).toBe(next);
  });

  it("ends the session when the previous token comes after the grace [SE-3, SE-4]", async () => {
    const { refreshToken, accessToken, userId } = await loggedIn();
    const next = await successor(refreshToken);
    vi.setSystemTime(Date.now() + 31_000);
    const logs = recordLogs();
    expectProblem(await refresh(refreshToken), 401, "refresh_token_reused");
    expect(logs()[0]).toMatchObject({ error_code: "refresh_token_reused", user_id: userId });
    expectProblem(await refresh(next), 401, "invalid_refresh_token");
    expectProblem(await readMe(accessToken), 401, "invalid_access_token");
  });

  it("ends the session at once when a token from before the previous one comes, however young [SE-3, SE-4]", async () => {
    const { refreshToken: first, accessToken, userId } = await loggedIn();
    const second = await successor(first);
    const third = await successor(second);
    expectProblem(await refresh(first), 401, "refresh_token_reused");
    for (const token of [first, second, third]) expectProblem(await refresh(token), 401, "invalid_refresh_token");
    expectProblem(await readMe(accessToken), 401, "invalid_access_token");
    expect(await eventsOf(userId, "refresh_token_reused")).toHaveLength(1);
  });

  it("ends the stolen session alone: the user's other devices stay logged in", async () => {
    const person = await registered();
    const [stolen, other] = [await logIn(person), await logIn(person)];
    await successor(await successor(stolen.refreshToken));
    expectProblem(await refresh(stolen.refreshToken), 401, "refresh_token_reused");
    await successor(other.refreshToken);
  });

  it("never forks the chain, whichever of two tabs retries when", async () => {
    const { refreshToken } = await loggedIn();
    const [left, right] = await Promise.all([successor(refreshToken), successor(refreshToken)]);
    expect(left).toBe(right);
    const [leftNext, rightNext] = await Promise.all([successor(left), successor(right)]);
    expect(leftNext).toBe(rightNext);
  });

  it("refuses forged, mangled and other tokens without reading any storage [SE-1]", async () => {
    const { accessToken, refreshToken, userId, sessionId } = await loggedIn();
    const foreign = createSecrets("the secret of another service, long enough");
    const mangled = [
      "nonsense",
      accessToken,
      refreshToken.slice(4),
      refreshToken.slice(0, -1),
      `${refreshToken}A`,
      altered(refreshToken),
      signRefreshToken({ userId, sessionId, generation: 1 }, foreign),
      signRefreshToken({ userId, sessionId, generation: 2 }, foreign),
    ];
    const logs = recordLogs();
    const answers = [];
    for (const token of mangled) answers.push(await refresh(token));
    answers.push(await post(REFRESH));
    for (const answer of answers) expectProblem(answer, 401, "invalid_refresh_token");
    for (const line of logs()) expect(line).toMatchObject({ hops: 0, storage_calls: 0 });
    await successor(refreshToken);
  });

  it("gives malformed, unknown, expired and revoked tokens the same response [SE-1]", async () => {
    const { refreshToken, userId } = await loggedIn();
    const revoked = await loggedIn();
    await post("/api/v1/auth/logout", undefined, { bearer: revoked.accessToken });
    const unknown = signRefreshToken({ userId, sessionId: crypto.randomUUID(), generation: 1 }, secrets);
    const nobody = signRefreshToken(
      { userId: crypto.randomUUID(), sessionId: crypto.randomUUID(), generation: 1 },
      secrets,
    );
    const answers = [
      await refresh("prt_malformed"),
      await refresh(altered(refreshToken)),
      await refresh(unknown),
      await refresh(nobody),
      await refresh(revoked.refreshToken),
    ];
    vi.setSystemTime(Date.now() + 31 * 86_400_000);
    answers.push(await refresh(refreshToken));
    for (const answer of answers) expect(shown(answer)).toEqual(shown(answers[0] ?? answer));
  });

  it("refuses a generation that was never handed out, and leaves the session alone", async () => {
    const { refreshToken, userId, sessionId } = await loggedIn();
    const ahead = signRefreshToken({ userId, sessionId, generation: 9 }, secrets);
    expectProblem(await refresh(ahead), 401, "invalid_refresh_token");
    await successor(refreshToken);
  });

  it("never extends the session beyond its absolute lifetime [SE-5]", async () => {
    let { refreshToken } = await loggedIn();
    const start = Date.now();
    for (let day = 6; day < 30; day += 6) {
      vi.setSystemTime(start + day * 86_400_000);
      const { json } = await refresh(refreshToken);
      expect(json.refresh_expires_in / 86_400).toBeCloseTo(Math.min(7, 30 - day), 2);
      refreshToken = json.refresh_token;
    }
    vi.setSystemTime(start + 30 * 86_400_000 + 5_000);
    expectProblem(await refresh(refreshToken), 401, "invalid_refresh_token");
  });

  it("reads the role and the status of the user again [SE-6]", async () => {
    const person = await loggedIn();
    await env.DB.prepare("UPDATE users SET role = 'admin' WHERE id = ?").bind(person.userId).run();
    const promoted = await refresh(person.refreshToken);
    expect(JSON.parse(atob(promoted.json.access_token.split(".")[1])).role).toBe("admin");
    await env.DB.prepare("UPDATE users SET is_active = 0 WHERE id = ?").bind(person.userId).run();
    expectProblem(await refresh(promoted.json.refresh_token), 401, "invalid_refresh_token");
  });

  it("never revives a session that a logout ends at the same moment", async () => {
    for (let round = 0; round < 10; round++) {
      const { refreshToken, accessToken } = await loggedIn();
      const [, , refreshed] = await Promise.all([
        refresh(refreshToken),
        post("/api/v1/auth/logout", undefined, { bearer: accessToken }),
        refresh(refreshToken),
      ]);
      for (const token of [refreshToken, refreshed.json.refresh_token ?? refreshToken]) {
        expectProblem(await refresh(token), 401, "invalid_refresh_token");
      }
      const bearer = refreshed.json.access_token ?? accessToken;
      expectProblem(await readMe(bearer), 401, "invalid_access_token");
    }
  });

  it("goes on under a new secret as long as the previous one is accepted", async () => {
    const { refreshToken } = await loggedIn();
    const values = { AUTH_SECRET: "quite another secret, long enough to pass too" };
    const lost = await post(REFRESH, { refresh_token: refreshToken }, {}, appWith(values));
    expectProblem(lost, 401, "invalid_refresh_token");
    const rotated = appWith({ ...values, AUTH_SECRET_PREVIOUS: env.AUTH_SECRET });
    const answer = await post(REFRESH, { refresh_token: refreshToken }, {}, rotated);
    expect(answer.status).toBe(200);
    expect(verifyRefreshToken(answer.json.refresh_token, createSecrets(values.AUTH_SECRET))).toMatchObject({
      generation: 2,
    });
  });

  it("fails closed, with 503, when the session object does not answer [SE-10]", async () => {
    const { refreshToken, accessToken, userId } = await withStanding("admin");
    vi.spyOn(env.USER_SESSIONS, "getByName").mockImplementation(() => {
      throw new Error("the object is out");
    });
    const app = appWith({});
    expectProblem(await post(REFRESH, { refresh_token: refreshToken }, {}, app), 503, "unavailable");
    expectProblem(await readMe(accessToken, app), 503, "unavailable");
    expectProblem(await post("/api/v1/auth/logout", undefined, { bearer: accessToken }, app), 503, "unavailable");
    expectProblem(await get("/api/v1/users/", { bearer: accessToken }, app), 503, "unavailable");
    const change = { bearer: accessToken, body: { first_name: "Ada" } };
    expectProblem(await call("PATCH", `/api/v1/users/${userId}`, change, app), 503, "unavailable");
  });

  it("throws on ids that are none, which only a mistake of ours can bring", () => {
    expect(() => signRefreshToken({ userId: "x", sessionId: "y", generation: 1 }, secrets)).toThrow(TypeError);
  });
});
