/** What a session stores of how and when its user logged in, and what its tokens say about it. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import type { AuthenticationMethod } from "../../src/sessions/authentication.ts";
import { signRefreshToken } from "../../src/sessions/refresh-token.ts";
import type { Rotation } from "../../src/sessions/session-messages.ts";
import type { UserSessions } from "../../src/sessions/user-sessions-object.ts";
import { readMe, refresh } from "../support/account.ts";
import { appWith } from "../support/client.ts";
import { loggedIn, logIn, registered } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const PASSKEY: AuthenticationMethod[] = ["hwk", "user", "mfa"];

const { secrets, sessions } = coldIsolate();

const statedBy = (accessToken: string) => {
  const { amr, acr, auth_time } = decodeJwt(accessToken);
  return { amr, acr, auth_time };
};

/** Opens a session with these methods. Returns its id, and the refresh token of its first generation. */
async function openedWith(userId: string, methods: AuthenticationMethod[]) {
  const id = crypto.randomUUID();
  const origin = { deviceName: null, userAgent: null, ipAddress: null, device: "a browser" };
  await sessions.create(userId, id, 0, origin, methods);
  return { id, refreshToken: signRefreshToken({ userId, sessionId: id, generation: 1 }, secrets) };
}

const recordsOf = (userId: string) =>
  runInDurableObject(env.USER_SESSIONS.getByName(userId), (_, { storage }) => {
    const [table] = [...storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'authentications'")];
    return (
      table &&
      [...storage.sql.exec<{ session_id: string }>("SELECT session_id FROM authentications")].map(
        (row) => row.session_id,
      )
    );
  });

describe("the tokens of a session", () => {
  it("say that the user logged in with a password, and when, however often they are refreshed [MF-7]", async () => {
    vi.setSystemTime(Date.now());
    const { accessToken, refreshToken } = await loggedIn();
    const stated = { amr: ["pwd"], acr: "aal1", auth_time: decodeJwt(accessToken).iat };
    expect(statedBy(accessToken)).toEqual(stated);
    vi.setSystemTime(Date.now() + 20 * MINUTE);
    const next = await refresh(refreshToken);
    expect(statedBy(next.json.access_token)).toEqual(stated);
    // A second tab that sends the old refresh token late gets the same successor again.
    expect(statedBy((await refresh(refreshToken)).json.access_token)).toEqual(stated);
    expect((await readMe(next.json.access_token)).status).toBe(200);
  });

  it("say which other methods the session was opened with, also after its object was evicted [MF-7]", async () => {
    const { userId } = await loggedIn();
    const now = Math.floor(Date.now() / 1_000);
    const { refreshToken } = await openedWith(userId, PASSKEY);
    await evictDurableObject(env.USER_SESSIONS.getByName(userId));
    vi.setSystemTime(Date.now() + 20 * MINUTE);
    const stated = statedBy((await refresh(refreshToken)).json.access_token);
    expect(stated).toMatchObject({ amr: PASSKEY, acr: "aal2" });
    expect(stated.auth_time).toBeGreaterThanOrEqual(now);
    expect(stated.auth_time).toBeLessThan(now + 60);
  });

  it("say nothing of it for the seconds in which an object of the release before still answers", async () => {
    const { refreshToken } = await loggedIn();
    const earlier = {
      getByName: (name: string) => ({
        async rotate(...values: Parameters<UserSessions["rotate"]>) {
          const rotation: Rotation = await env.USER_SESSIONS.getByName(name).rotate(...values);
          return Object.fromEntries(Object.entries(rotation).filter(([member]) => member !== "authentication"));
        },
      }),
    } as unknown as Bindings["USER_SESSIONS"];
    const { access_token } = (await refresh(refreshToken, appWith({}, { USER_SESSIONS: earlier }))).json;
    expect(statedBy(access_token)).toEqual({});
    expect((await readMe(access_token)).status).toBe(200);
  });
});

describe("the record of an authentication", () => {
  it("is not written for a password: such a session costs no more than before", async () => {
    const { userId } = await loggedIn();
    expect(await recordsOf(userId)).toBeUndefined();
  });

  it("goes when its session ends or expires, or when a release that did not know of it ended the session", async () => {
    const { userId, ...person } = await loggedIn();
    const [ended, orphan, kept] = [
      await openedWith(userId, PASSKEY),
      await openedWith(userId, PASSKEY),
      await openedWith(userId, PASSKEY),
    ];
    await sessions.end(userId, ended.id);
    expect(await recordsOf(userId)).toEqual([orphan.id, kept.id].toSorted());
    const object = env.USER_SESSIONS.getByName(userId);
    await runInDurableObject(object, (_, { storage }) => {
      storage.sql.exec("DELETE FROM sessions WHERE id = ?", orphan.id);
    });
    await runDurableObjectAlarm(object);
    expect(await recordsOf(userId)).toEqual([kept.id]);

    vi.setSystemTime(Date.now() + 8 * DAY);
    await logIn(person);
    await runDurableObjectAlarm(object);
    expect(await recordsOf(userId)).toEqual([]);
  });

  it("does not keep a release that does not know of it from opening sessions", async () => {
    const { userId } = await loggedIn();
    await openedWith(userId, PASSKEY);
    await runInDurableObject(env.USER_SESSIONS.getByName(userId), (_, { storage }) => {
      const columns = Array(11).fill("0").join(", ");
      expect(() => storage.sql.exec(`INSERT INTO sessions VALUES (${columns})`).toArray()).not.toThrow();
    });
  });

  it("leaves out methods that only a later release knows", async () => {
    const person = await logIn(await registered());
    const { id, refreshToken } = await openedWith(person.userId, PASSKEY);
    await runInDurableObject(env.USER_SESSIONS.getByName(person.userId), (_, { storage }) => {
      storage.sql.exec("UPDATE authentications SET methods = 'hwk telepathy mfa' WHERE session_id = ?", id);
    });
    expect(statedBy((await refresh(refreshToken)).json.access_token).amr).toEqual(["hwk", "mfa"]);
  });
});
