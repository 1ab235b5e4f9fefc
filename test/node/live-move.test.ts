/** Moves a service to another place and back with the real commands, while it is stopped. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import { logIn, mailedToken, newPerson, post, publishedKeys, readMe, register } from "./live-person.ts";
import { changeDatabase, useClone } from "./live-service.ts";

const clone = useClone();

describe("a service that is moved to a place where it has been before", () => {
  it("keeps its users, keys, links and events, and accepts no session or token of before", async () => {
    const first = await clone.serve();
    const { origin, state } = first;
    const person = await register(origin);
    const email = `new-${person.email}`;
    const { access_token: asked } = await logIn(origin, person);
    expect((await post(origin, "/api/v1/users/me/email", { email, password: person.password }, asked)).status).toBe(
      202,
    );
    const confirm = { token: await mailedToken(origin, email, "confirm-email") };
    expect((await post(origin, "/api/v1/auth/confirm-email", confirm)).status).toBe(200);
    const moved = { ...person, email };
    const id = decodeJwt(asked).sub ?? "";
    const operator = newPerson();
    const flags = ["--email", operator.email, "--password", operator.password];
    expect((await clone.run("admin:create", "--persist-to", state, ...flags)).code).toBe(0);
    const { access_token: admin } = await logIn(origin, operator);
    const promoted = await fetch(`${origin}/api/v1/users/${id}`, {
      method: "PATCH",
      body: JSON.stringify({ role: "moderator" }),
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${admin}` },
    });
    expect(promoted.status).toBe(200);
    const before = await logIn(origin, moved);
    const waiting = newPerson();
    await post(origin, "/api/v1/auth/register", waiting);
    const link = { token: await mailedToken(origin, waiting.email) };
    const keys = await publishedKeys(origin);
    await first.stop();

    const file = join(clone.folder, "moved.sql");
    const exported = await clone.run("data:export", "moved.sql", "--persist-to", state);
    expect(exported).toMatchObject({ code: 0, output: expect.stringContaining("Wrote") });
    expect(readFileSync(file, "utf8")).toContain(email);
    // As docs/move.md says for a move back.
    changeDatabase(first, "DELETE FROM users; DELETE FROM registrations");
    const imported = await clone.run("data:import", "moved.sql", "--persist-to", state);
    expect(imported).toMatchObject({ code: 0, output: expect.stringContaining("Imported 3 users") });

    const second = await clone.serve(["--var", `PUBLIC_URL:${origin}`], state);
    expect(await publishedKeys(second.origin)).toEqual(keys);
    // The user's object here still has the session, and the token's key is still trusted. The token is refused anyway.
    expect((await readMe(second.origin, before.access_token)).status).toBe(401);
    const refreshed = await post(second.origin, "/api/v1/auth/refresh", { refresh_token: before.refresh_token });
    expect(refreshed.status).toBe(401);
    const after = await logIn(second.origin, moved);
    expect(decodeProtectedHeader(after.access_token).kid).toBe(keys[0]);
    expect(await (await readMe(second.origin, after.access_token)).json()).toMatchObject({
      id,
      email,
      role: "moderator",
    });
    expect((await post(second.origin, "/api/v1/auth/verify-email", link)).status).toBe(200);
    const headers = { Authorization: `Bearer ${(await logIn(second.origin, operator)).access_token}` };
    const events = await fetch(`${second.origin}/api/v1/audit-events?user_id=${id}`, { headers });
    const types = (await events.text()).match(/(?<="type":")\w+/g);
    expect(types).toEqual(expect.arrayContaining(["registered", "email_changed", "role_changed", "login_succeeded"]));
  });
});
