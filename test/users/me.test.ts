import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { call, expectProblem, get } from "../support/client.ts";
import { loggedIn } from "../support/people.ts";

const ME = "/api/v1/users/me";

describe("GET /api/v1/users/me", () => {
  it("answers with the user, every field that the API promises and no other", async () => {
    const { accessToken, userId, email, username } = await loggedIn();
    const answer = await get(ME, { bearer: accessToken });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ id: userId, email, username, role: "user", is_active: true });
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
  });

  it("does not mind a trailing slash, or how Bearer is spelt", async () => {
    const { accessToken } = await loggedIn();
    expect((await get(`${ME}/`, { bearer: accessToken })).status).toBe(200);
    expect((await get(ME, { headers: { Authorization: `bearer ${accessToken}` } })).status).toBe(200);
  });

  it("challenges without an error where no token was sent, and with invalid_token where one was [JW-8]", async () => {
    const none = await get(ME);
    expectProblem(none, 401, "unauthorized");
    expect(none.headers.get("WWW-Authenticate")).toBe('Bearer realm="postern"');
    const bad = await get(ME, { bearer: "nonsense" });
    expectProblem(bad, 401, "invalid_access_token");
    expect(bad.headers.get("WWW-Authenticate")).toBe('Bearer realm="postern", error="invalid_token"');
  });

  it("takes the token from the Authorization header alone [JW-9]", async () => {
    const { accessToken } = await loggedIn();
    const inQuery = await get(`${ME}?access_token=${accessToken}`);
    expectProblem(inQuery, 401, "unauthorized");
    expect(inQuery.text).not.toContain(accessToken);
    expectProblem(await get(ME, { headers: { Authorization: `Basic ${accessToken}` } }), 401, "unauthorized");
    expectProblem(await get(ME, { headers: { Cookie: `access_token=${accessToken}` } }), 401, "unauthorized");
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const inForm = await call("POST", "/api/v1/auth/logout", { body: `access_token=${accessToken}`, headers });
    expectProblem(inForm, 415, "unsupported_media_type");
    const inBody = await call("POST", "/api/v1/auth/logout", { body: { access_token: accessToken } });
    expectProblem(inBody, 422, "validation_failed");
    expect((await get(ME, { bearer: accessToken })).status, "still logged in").toBe(200);
  });

  it("answers HEAD as it answers GET, without the body", async () => {
    const { accessToken } = await loggedIn();
    const answer = await call("HEAD", ME, { bearer: accessToken });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe("");
  });

  it("refuses a token once its user is disabled, and once its user is gone", async () => {
    const { accessToken, userId } = await loggedIn();
    await env.DB.prepare("UPDATE users SET is_active = 0 WHERE id = ?").bind(userId).run();
    expectProblem(await get(ME, { bearer: accessToken }), 401, "invalid_access_token");
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(userId).run();
    expectProblem(await get(ME, { bearer: accessToken }), 401, "invalid_access_token");
  });

  it("accepts a token until it expires, a small tolerance included, and not after", async () => {
    const { accessToken } = await loggedIn();
    const start = Date.now();
    vi.setSystemTime(start + 1_800_000 + 3_000);
    expect((await get(ME, { bearer: accessToken })).status).toBe(200);
    vi.setSystemTime(start + 1_800_000 + 7_000);
    expectProblem(await get(ME, { bearer: accessToken }), 401, "invalid_access_token");
  });
});
