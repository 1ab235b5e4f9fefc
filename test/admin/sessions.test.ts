import { beforeAll, describe, expect, it } from "vitest";
import { expectEnded, readMe } from "../support/account.ts";
import { call, expectProblem, get } from "../support/client.ts";
import { eventsOf, type LoggedIn, loggedIn, logIn, registered, rowOf, withStanding } from "../support/people.ts";

let admin: LoggedIn;

beforeAll(async () => {
  admin = await withStanding("admin");
});

const list = (id: string) => get(`/api/v1/users/${id}/sessions`, { bearer: admin.accessToken });
const end = (id: string, sessionId: string) =>
  call("DELETE", `/api/v1/users/${id}/sessions/${sessionId}`, { bearer: admin.accessToken });

describe("GET /api/v1/users/{id}/sessions", () => {
  it("lists the sessions of that user as the user sees them, last used first, with none marked as current", async () => {
    const person = await registered();
    const old = await logIn(person, { device_name: "Old phone" });
    const options = { address: "198.51.100.9", headers: { "User-Agent": "Telescope/1.0" } };
    const { userId, accessToken, sessionId } = await logIn(person, {}, options);
    const { json, status } = await list(userId);
    expect(status).toBe(200);
    expect(json.items.map(({ id }: { id: string }) => id)).toEqual([sessionId, old.sessionId]);
    const own = await get("/api/v1/users/me/sessions", { bearer: accessToken });
    const shown = own.json.items.map(({ current: _, ...session }: { current: boolean }) => session);
    expect(json.items).toEqual(shown);
    expect(json.items[0]).toMatchObject({ ip_address: "198.51.100.9", user_agent: "Telescope/1.0", device_name: null });
  });

  it("is empty for a user who never logged in, and 404 for no user", async () => {
    const { email } = await registered();
    expect((await list(String((await rowOf(email))?.id))).json).toEqual({ items: [] });
    expectProblem(await list(crypto.randomUUID()), 404, "not_found");
  });
});

describe("DELETE /api/v1/users/{id}/sessions/{session_id}", () => {
  it("ends that session at once, leaves the others, and is in the audit log and in the user's events", async () => {
    const person = await registered();
    const [kept, lost] = [await logIn(person), await logIn(person)];
    expect((await end(lost.userId, lost.sessionId.toUpperCase())).status).toBe(204);
    await expectEnded(lost);
    expect((await readMe(kept.accessToken)).status).toBe(200);
    const [event] = await eventsOf(lost.userId, "session_ended");
    expect(event).toMatchObject({
      actor_id: admin.userId,
      details: JSON.stringify({ session_id: lost.sessionId }),
    });
    const { json } = await get("/api/v1/users/me/security-events", { bearer: kept.accessToken });
    const shown = json.items.find(({ type }: { type: string }) => type === "session_ended");
    expect(shown).toMatchObject({ by: "operator", ip_address: null });
    expectProblem(await end(lost.userId, lost.sessionId), 404, "not_found");
  });

  it("ends no session of another user than the one in the path", async () => {
    const [person, other] = [await loggedIn(), await loggedIn()];
    expectProblem(await end(person.userId, other.sessionId), 404, "not_found");
    expectProblem(await end(crypto.randomUUID(), other.sessionId), 404, "not_found");
    expectProblem(await end(person.userId, "nonsense"), 404, "not_found");
    expect((await readMe(other.accessToken)).status).toBe(200);
  });
});
