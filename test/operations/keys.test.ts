import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { readMe, refresh } from "../support/account.ts";
import { type Answer, appWith, atOnce, expectProblem, get, post } from "../support/client.ts";
import { type LoggedIn, logIn, withStanding } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const HOUR = 3_600_000;
const ROTATE = "/api/v1/keys/rotate";

const list = async ({ accessToken: bearer }: LoggedIn) => (await get("/api/v1/keys", { bearer })).json.items;
const rotate = ({ accessToken: bearer }: LoggedIn, body?: object, send = appWith({})) =>
  post(ROTATE, body, { bearer }, send);
const statesIn = ({ json }: Answer): string[] => json.items.map(({ state }: { state: string }) => state);
const publishedIds = async () =>
  (await get("/.well-known/jwks.json", {}, appWith({}))).json.keys.map(({ kid }: { kid: string }) => kid).toSorted();

const recorded = async (type: string, { userId }: LoggedIn) => {
  const query = "SELECT ip_address, details FROM audit_events WHERE type = ? AND actor_id = ?";
  const { results } = await env.DB.prepare(query).bind(type, userId).all<{ ip_address: string; details: string }>();
  return results.map(({ ip_address, details }) => ({ ip_address, ...JSON.parse(details) }));
};

afterAll(async () => {
  await env.DB.exec("DELETE FROM signing_keys");
});

describe("the signing keys over HTTP", () => {
  let root: LoggedIn;
  let start: number;

  beforeEach(async () => {
    await env.DB.exec("DELETE FROM signing_keys");
    root = await withStanding("superuser");
    start = Date.now();
    vi.setSystemTime(start);
  });

  it("are listed with what they do now, and never with a private half", async () => {
    const [key, ...others] = await list(root);
    expect(others).toEqual([]);
    expect(key).toEqual({
      kid: (await publishedIds())[0],
      algorithm: "ES256",
      state: "signing",
      created_at: expect.any(String),
      signs_from: expect.any(String),
      rotates_at: expect.any(String),
      published_until: null,
    });
    const lifetime = Date.parse(key.rotates_at) - Date.parse(key.signs_from);
    expect(lifetime).toBe(30 * 24 * HOUR);
  });

  it("rotate: the successor is published at once and signs later, and the first key is trusted until its last token expires", async () => {
    const answer = await rotate(root);
    expect(answer.status, answer.text).toBe(200);
    expect(statesIn(answer)).toEqual(["next", "signing"]);
    const [next, first] = answer.json.items;
    expect(Date.parse(next.signs_from) - start).toBe(HOUR);
    expect(Date.parse(first.published_until)).toBeGreaterThan(Date.parse(next.signs_from));
    expect(await publishedIds()).toEqual([next.kid, first.kid].toSorted());
    expect((await readMe(root.accessToken)).status).toBe(200);
    expect(await recorded("signing_keys_rotated", root)).toEqual([
      { ip_address: expect.any(String), key_ids: first.kid },
    ]);

    const again = await rotate(root);
    expect(again.json.items).toEqual(answer.json.items);
    expect(await recorded("signing_keys_rotated", root)).toHaveLength(1);

    vi.setSystemTime(Date.parse(next.signs_from) + 1);
    const later = await logIn(root);
    expect((await list(later)).map(({ state }: { state: string }) => state)).toEqual(["signing", "published"]);
  });

  it("rotate once, however many ask at once", async () => {
    const answers = await atOnce(6, () => rotate(root));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(await publishedIds()).toHaveLength(2);
    expect(await recorded("signing_keys_rotated", root)).toHaveLength(1);
  });

  it("are revoked in an emergency, and another one signs at once: clients get a valid token by refreshing", async () => {
    const before = await publishedIds();
    const answer = await rotate(root, { emergency: true });
    expect(statesIn(answer)).toEqual(["signing", "revoked"]);
    const [made, leaked] = answer.json.items;
    expect([leaked.kid]).toEqual(before);
    expect(Date.parse(leaked.published_until)).toBe(start);
    expect(await publishedIds()).toEqual([made.kid]);
    expectProblem(await readMe(root.accessToken), 401, "invalid_access_token");
    const { json } = await refresh(root.refreshToken);
    expect((await readMe(json.access_token)).status).toBe(200);
    expect(await recorded("signing_keys_revoked", root)).toEqual([
      { ip_address: expect.any(String), key_ids: leaked.kid },
    ]);
  });

  it("are revoked although the creation of the next one fails: the next login creates it", async () => {
    const { keyring } = coldIsolate();
    const prepare = vi.spyOn(crypto.subtle, "generateKey").mockRejectedValueOnce(new Error("no entropy"));
    await expect(keyring.rotateEarly(root.userId, true)).rejects.toThrow();
    prepare.mockRestore();
    expectProblem(await readMe(root.accessToken, appWith({})), 401, "invalid_access_token");
    const again = await logIn(root);
    expect((await list(again)).map(({ state }: { state: string }) => state)).toEqual(["signing", "revoked"]);
  });

  it("are created by the first rotation if there is none", async () => {
    const { keyring } = coldIsolate();
    await env.DB.exec("DELETE FROM signing_keys");
    await keyring.rotateEarly(root.userId, false);
    expect(await keyring.statuses()).toMatchObject([{ state: "signing" }]);
  });
});
