import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import {
  changePassword,
  expectEnded,
  NEW_PASSWORD,
  readMe,
  recoveryToken,
  refresh,
  register,
  resetPassword,
  tryLogin,
  verifyEmail,
} from "../support/account.ts";
import { type Answer, call, expectProblem, get, inTurn, post, refusedFields, type Send } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  mailedToken,
  mailsTo,
  newPerson,
  type Person,
  registered,
  rowOf,
  tokenAbout,
  unverified,
  withStanding,
} from "../support/people.ts";
import { coldIsolate, NOTHING_FOLLOWS } from "../support/services.ts";
import { appInterrupted } from "../support/slow-database.ts";

const USERS = "/api/v1/users";

const patch = (actor: LoggedIn, id: string, body: unknown, send?: Send, headers: Record<string, string> = {}) =>
  call("PATCH", `${USERS}/${id}`, { bearer: actor.accessToken, body, headers }, send);

const remove = (actor: LoggedIn, id: string, send?: Send) =>
  call("DELETE", `${USERS}/${id}`, { bearer: actor.accessToken }, send);

const idOf = async ({ email }: Person) => String((await rowOf(email))?.id);

/** Adds `count` users as an import does. Their usernames begin with `prefix`. */
async function fill(prefix: string, count: number, more = "1, 1, 'user'"): Promise<void> {
  for (let index = 0; index < count; index++) {
    const name = `${prefix}${String(index).padStart(3, "0")}`;
    await env.DB.prepare(
      `INSERT INTO users (id, email, username, password_hash, is_active, is_verified, role, created_at, updated_at) VALUES (?, ?, ?, '!', ${more}, 1, 1)`,
    )
      .bind(crypto.randomUUID(), `${name}@example.org`, name)
      .run();
  }
}

describe("GET /api/v1/users/", () => {
  let admin: LoggedIn;

  beforeAll(async () => {
    admin = await withStanding("admin");
  });

  const list = (query: string) => get(`${USERS}/?${query}`, { bearer: admin.accessToken });

  async function everyPage(query: string): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page = await list(`${query}${cursor === "" ? "" : `&cursor=${cursor}`}`);
      expect(page.status, page.text).toBe(200);
      ids.push(...page.json.items.map(({ id }: { id: string }) => id));
      cursor = page.json.next_cursor;
    }
    return ids;
  }

  it("gives every user that a search finds once, by name, however small the pages", async () => {
    const prefix = `page-${crypto.randomUUID().slice(0, 8)}-`;
    await fill(prefix, 23);
    const ids = await everyPage(`q=${prefix}&limit=5`);
    const names = await Promise.all(ids.map(async (id) => (await coldIsolate().users.find(id))?.username));
    expect(names).toEqual(Array.from({ length: 23 }, (_, index) => `${prefix}${String(index).padStart(3, "0")}`));
  });

  it("gives a full last page no next one", async () => {
    const prefix = `full-${crypto.randomUUID().slice(0, 8)}-`;
    await fill(prefix, 4);
    const first = await list(`q=${prefix}&limit=2`);
    const second = await list(`q=${prefix}&limit=2&cursor=${first.json.next_cursor}`);
    expect(second.json.items).toHaveLength(2);
    expect(second.json.next_cursor).toBeNull();
  });

  it("skips and repeats no user while others are added", async () => {
    const prefix = `grow-${crypto.randomUUID().slice(0, 8)}-`;
    await fill(prefix, 20);
    const before = new Set(await everyPage(`q=${prefix}&limit=100`));
    const [seen] = await Promise.all([everyPage(`q=${prefix}&limit=3`), fill(`${prefix}x-`, 20)]);
    expect(seen).toHaveLength(new Set(seen).size);
    for (const id of before) expect(seen).toContain(id);
  });

  it("searches by how the email or the username begins, in any case, with no wildcards", async () => {
    const person = await registered({ ...newPerson(), username: `Zed.${crypto.randomUUID().slice(0, 8)}` });
    const found = async (q: string) => (await list(`q=${encodeURIComponent(q)}&limit=100`)).json.items;
    for (const q of [person.username, person.username.toUpperCase(), person.email, person.email.slice(0, 12)]) {
      expect((await found(q)).map(({ username }: { username: string }) => username)).toContain(person.username);
    }
    for (const q of ["%", "_", "*", person.username.slice(1), "'; DROP TABLE users; --"]) {
      expect((await found(q)).map(({ username }: { username: string }) => username)).not.toContain(person.username);
    }
  });

  it("filters by role, activity, verification and second factor, together with a search", async () => {
    const prefix = `mix-${crypto.randomUUID().slice(0, 8)}-`;
    await fill(`${prefix}a`, 2, "1, 1, 'moderator'");
    await fill(`${prefix}b`, 3, "0, 1, 'user'");
    await fill(`${prefix}c`, 4, "1, 0, 'user'");
    const count = async (query: string) => (await list(`q=${prefix}&${query}`)).json.items.length;
    expect(await count("")).toBe(9);
    expect(await count("role=moderator")).toBe(2);
    expect(await count("is_active=false")).toBe(3);
    expect(await count("is_verified=false")).toBe(4);
    expect(await count("role=user&is_active=true&is_verified=true")).toBe(0);
    const first = { email: `${prefix}c000@example.org` };
    await setUser(first, { second_factor_since: 1 });
    expect(await count("has_second_factor=true")).toBe(1);
    expect(await count("has_second_factor=false&is_verified=false")).toBe(3);
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=ten", "limit"],
    ["cursor=forged", "cursor"],
    ["role=root", "role"],
    ["is_active=maybe", "is_active"],
    ["page=2", "page"],
  ])("refuses ?%s and names the parameter", async (query, field) => {
    const answer = await list(query);
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors[0].field).toBe(field);
  });

  it("shows no secret", async () => {
    const { text } = await list("limit=100");
    expect(text).not.toMatch(/hash|scrypt|epoch/);
  });

  it("answers with and without the trailing slash", async () => {
    expect((await get(`${USERS}?limit=1`, { bearer: admin.accessToken })).status).toBe(200);
  });
});

describe("an operator", () => {
  let superuser: LoggedIn;
  let admin: LoggedIn;

  beforeAll(async () => {
    superuser = await withStanding("superuser");
    admin = await withStanding("admin");
  });

  it("reads a user, with the ETag that a change is made against", async () => {
    const person = await loggedIn();
    const read = await get(`${USERS}/${person.userId}`, { bearer: admin.accessToken });
    expect(read.json).toMatchObject({ id: person.userId, email: person.email, role: "user" });
    const etag = read.headers.get("ETag") ?? "";
    const first = await patch(admin, person.userId, { first_name: "Ada" }, undefined, { "If-Match": etag });
    expect(first.json.first_name).toBe("Ada");
    const stale = await patch(admin, person.userId, { first_name: "Eve" }, undefined, { "If-Match": etag });
    expectProblem(stale, 412, "precondition_failed");
    const next = { "If-Match": first.headers.get("ETag") ?? "" };
    const current = await patch(admin, person.userId, { phone: null }, undefined, next);
    expect(current.json).toMatchObject({ first_name: "Ada", phone: null });
  });

  it("sees since when a user has a second factor, in every answer, with an ETag of its own", async () => {
    const person = await loggedIn();
    const bearer = admin.accessToken;
    const read = () => get(`${USERS}/${person.userId}`, { bearer });
    const { headers, json } = await read();
    expect(json).toMatchObject({ second_factor_since: null });
    await setUser(person, { second_factor_since: Date.UTC(2026, 10, 22) });
    const changed = await read();
    expect(changed.headers.get("ETag")).not.toBe(headers.get("ETag"));
    const change = { "If-Match": changed.headers.get("ETag") ?? "" };
    const answers = [
      changed.json,
      (await get(`${USERS}/lookup?email=${person.email}`, { bearer })).json,
      (await get(`${USERS}/?q=${person.email}`, { bearer })).json.items[0],
      (await get(`${USERS}/?has_second_factor=true&q=${person.email}`, { bearer })).json.items[0],
      (await patch(admin, person.userId, { first_name: "Ada" }, undefined, change)).json,
    ];
    for (const user of answers) {
      expect(user).toMatchObject({ id: person.userId, second_factor_since: "2026-11-22T00:00:00.000Z" });
    }
    expect((await readMe(person.accessToken)).json).not.toHaveProperty("second_factor_since");
  });

  it("gets 404 for an unknown id with every method", async () => {
    const path = `${USERS}/${crypto.randomUUID()}`;
    const bearer = superuser.accessToken;
    expectProblem(await get(path, { bearer }), 404, "not_found");
    expectProblem(await call("PATCH", path, { bearer, body: { role: "user" } }), 404, "not_found");
    expectProblem(await call("DELETE", path, { bearer }), 404, "not_found");
    expectProblem(await post(`${path}/revoke-sessions`, undefined, { bearer }), 404, "not_found");
    expectProblem(await get(`${USERS}/not-an-id`, { bearer }), 404, "not_found");
  });

  it("changes nothing with an empty body, nor with a field that is none of theirs [AC-6]", async () => {
    const person = await loggedIn();
    const before = await rowOf(person.email);
    expect((await patch(admin, person.userId, {})).status).toBe(200);
    for (const body of [{ email: "x@example.com" }, { password: "x" }, { username: "x" }, { id: "x" }]) {
      expectProblem(await patch(admin, person.userId, body), 422, "validation_failed");
    }
    expect(await rowOf(person.email)).toEqual(before);
  });

  it("is told which of the fields they may not change, and none is changed", async () => {
    const person = await loggedIn();
    const moderator = await withStanding("moderator");
    const answer = await patch(moderator, person.userId, { is_active: false, first_name: "X", role: "admin" });
    expectProblem(answer, 403, "forbidden");
    expect(refusedFields(answer).toSorted()).toEqual(["first_name", "role"]);
    expect(await rowOf(person.email)).toMatchObject({ is_active: 1, first_name: null, role: "user" });
  });

  it("changes a role, which takes effect on the next request: the old token is refused, the next one says it [AC-4]", async () => {
    const person = await loggedIn();
    const path = `${USERS}/${person.userId}`;
    expectProblem(await get(path, { bearer: person.accessToken }), 403, "forbidden");
    expect((await patch(admin, person.userId, { role: "moderator" })).json.role).toBe("moderator");
    expectProblem(await get(path, { bearer: person.accessToken }), 401, "invalid_access_token");
    const { json } = await refresh(person.refreshToken);
    expect((await get(path, { bearer: json.access_token })).status).toBe(200);
    await patch(admin, person.userId, { role: "user" });
    expect((await get(path, { bearer: json.access_token })).status).toBe(401);
    const [event] = await eventsOf(person.userId, "role_changed", 2);
    expect(event).toMatchObject({ actor_id: admin.userId, details: '{"old":"moderator","new":"user"}' });
  });

  it("takes the superuser flag away, which takes effect on the next request with the same token [AC-4]", async () => {
    const other = await withStanding("superuser");
    const person = await loggedIn();
    expect((await patch(superuser, other.userId, { is_superuser: false })).status).toBe(200);
    expectProblem(await patch(other, person.userId, { role: "admin" }), 403, "forbidden");
    const [event] = await eventsOf(other.userId, "superuser_revoked");
    expect(event?.actor_id).toBe(superuser.userId);
  });

  it("suspends a user: every session ends at once, and only a login with the right password says why [SE-9]", async () => {
    const person = await loggedIn();
    const moderator = await withStanding("moderator");
    expect((await patch(moderator, person.userId, { is_active: false })).json.is_active).toBe(false);
    await expectEnded(person);
    expectProblem(await tryLogin(person), 403, "account_disabled");
    expectProblem(await tryLogin({ ...person, password: "a wrong password" }), 401, "invalid_credentials");

    await patch(moderator, person.userId, { is_active: true });
    expect((await readMe(person.accessToken)).status, "what ended stays ended").toBe(401);
    expect((await readMe((await logIn(person)).accessToken)).status).toBe(200);
    await eventsOf(person.userId, "account_suspended");
    await eventsOf(person.userId, "account_reinstated");
    const reasons = await eventsOf(person.userId, "login_failed", 2);
    expect(reasons.map(({ details }) => details)).toContain('{"reason":"account_disabled"}');
  });

  it("takes the verification back, and gives it", async () => {
    const person = await loggedIn();
    await patch(admin, person.userId, { is_verified: false });
    expect((await readMe(person.accessToken)).status).toBe(401);
    expectProblem(await tryLogin(person), 403, "email_not_verified");
    await patch(admin, person.userId, { is_verified: true });
    expect((await tryLogin(person)).status).toBe(200);
    expect(await eventsOf(person.userId, "verification_changed", 2)).toHaveLength(2);
  });

  it("keeps an account that lost its verification from strangers and the cleanup job", async () => {
    const owner = await loggedIn();
    const fresh = await registered();
    const id = await idOf(fresh);
    await resetPassword(await recoveryToken(fresh));
    await env.DB.prepare("UPDATE users SET verified_by_link = NULL, created_at = 1 WHERE id = ?").bind(id).run();
    for (const one of [owner.userId, id]) await patch(admin, one, { is_verified: false });

    await register({ ...newPerson(), email: owner.email });
    await post("/api/v1/auth/resend-verification", { email: owner.email });
    // The owner proves the address again by setting a new password, so the email has a link for a reset.
    const token = await tokenAbout(owner.email, /Reset your Postern password/);
    expect((await mailsTo(owner.email)).filter(({ subject }) => /^Verify/.test(subject))).toHaveLength(1);
    expectProblem(await tryLogin(owner), 403, "email_not_verified");
    const { registration } = await coldIsolate().registrations.findNewest(owner.email);
    const forged = await coldIsolate().registrations.verify(registration?.id ?? "", "link", {
      consequences: NOTHING_FOLLOWS,
      now: Date.now(),
    });
    expect(forged.user).toBeUndefined();
    expect((await rowOf(owner.email))?.username).toBe(owner.username);

    await runCronTasks(coldIsolate());
    expect(await rowOf(fresh.email), "an account that was once verified stays").not.toBeNull();
    await resetPassword(token);
    await logIn({ ...owner, password: NEW_PASSWORD });
  });

  it("leaves the link of an unverified user valid after every change", async () => {
    const person = await unverified();
    for (const change of [{ is_verified: false }, { is_active: false }, { is_active: true }])
      await patch(admin, await idOf(person), change);
    expect((await verifyEmail(person.token)).json).toEqual({ status: "verified" });
  });

  it.each(["is_active", "is_verified"])(
    "leaves a user's reset link valid by setting %s to false where it is false",
    async (field) => {
      const person = await loggedIn();
      await patch(admin, person.userId, { [field]: false });
      const token = await recoveryToken(person);
      expect((await patch(admin, person.userId, { [field]: false, first_name: "Ada" })).status).toBe(200);
      expect((await resetPassword(token)).status).toBe(204);
    },
  );

  it("ends the sessions of a user who verified their address at that moment", async () => {
    const { token, ...person } = await unverified();
    let refreshToken = "";
    const send = appInterrupted("update `users` set", async () => {
      await verifyEmail(token);
      refreshToken = (await logIn(person)).refreshToken;
    });
    expect((await patch(admin, await idOf(person), { is_verified: false }, send)).status).toBe(200);
    expect((await refresh(refreshToken)).status).toBe(401);
    expectProblem(await verifyEmail(token), 400, "invalid_token");
  });

  it("cannot delete a user after losing the permission a moment ago", async () => {
    const target = await registered();
    const actor = await withStanding("admin");
    const send = appInterrupted("delete from `users`", () => patch(superuser, actor.userId, { role: "user" }));
    expectProblem(await remove(actor, await idOf(target), send), 412, "precondition_failed");
    expect(await rowOf(target.email)).not.toBeNull();
  });

  it("refuses to change a user who was promoted above the operator a moment ago", async () => {
    const person = await withStanding("moderator");
    const send = appInterrupted("update `users` set", () => patch(superuser, person.userId, { role: "admin" }));
    expectProblem(await patch(admin, person.userId, { is_active: false }, send), 412, "precondition_failed");
    expect(await rowOf(person.email)).toMatchObject({ role: "admin", is_active: 1 });
  });

  it("notes what a change really changed, even if another change came first", async () => {
    const person = await loggedIn();
    await patch(admin, person.userId, { is_active: false });
    const send = appInterrupted("update `users` set", () => patch(superuser, person.userId, { is_active: true }));
    await patch(admin, person.userId, { is_active: false }, send);
    await eventsOf(person.userId, "account_suspended", 2);
  });

  it("tells other Workers the last role, even if the clock was ahead before", async () => {
    const person = await withStanding("admin");
    await setUser(person, { updated_at: Date.now() + 3_600_000 });
    await patch(superuser, person.userId, { role: "moderator" });
    expect((await changePassword(await logIn(person))).status).toBe(204);
    await patch(superuser, person.userId, { role: "user" });
    const role = async () => JSON.parse((await env.REVOCATIONS.get(`revoked:${person.userId}`)) ?? "{}").role;
    await eventually(async () => expect(await role()).toBe("user"));
  });

  it("tells other Workers of a role before the first login, since one may be under way with the old role", async () => {
    const person = await withStanding("admin");
    const newcomer = await registered();
    const id = await idOf(newcomer);
    expect((await patch(person, id, { role: "moderator" })).status).toBe(200);
    const record = async () => JSON.parse((await env.REVOCATIONS.get(`revoked:${id}`)) ?? "{}");
    await eventually(async () => expect(await record()).toEqual({ sessions: {}, role: "moderator" }));
  });

  it("ends every session of a user [AC-6]", async () => {
    const person = await loggedIn();
    const second = await logIn(person);
    const bearer = admin.accessToken;
    expect((await post(`${USERS}/${person.userId}/revoke-sessions`, undefined, { bearer })).status).toBe(204);
    for (const session of [person, second]) await expectEnded(session);
    expect((await eventsOf(person.userId, "sessions_ended"))[0]?.actor_id).toBe(admin.userId);
  });

  it("sends a reset mail on a user's behalf, within the limit of mails to one address [AC-6]", async () => {
    const person = await registered();
    const id = await idOf(person);
    const sendReset = () => post(`${USERS}/${id}/send-password-reset`, undefined, { bearer: admin.accessToken });
    expect((await sendReset()).status).toBe(202);
    expect((await resetPassword(await mailedToken(person.email, 2))).status).toBe(204);
    await logIn({ ...person, password: NEW_PASSWORD });
    await inTurn(2, sendReset);
    expectProblem(await sendReset(), 429, "rate_limited");
    await eventsOf(id, "password_reset_sent", 3);
  });

  it("deletes a user, who is gone from that moment", async () => {
    const person = await loggedIn();
    expect((await remove(admin, person.userId)).status).toBe(204);
    expect(await rowOf(person.email)).toBeNull();
    expect((await readMe(person.accessToken)).status).toBe(401);
    const read = await get(`${USERS}/${person.userId}`, { bearer: admin.accessToken });
    expectProblem(read, 404, "not_found");
    expect((await eventsOf(person.userId, "account_deleted"))[0]?.actor_id).toBe(admin.userId);
  });

  it("does not act on the word of a standing that they lost a moment ago", async () => {
    const { administration, users } = coldIsolate();
    const fallen = await withStanding("admin");
    const person = await loggedIn();
    const [actor, target] = [await users.find(fallen.userId), await users.find(person.userId)];
    if (actor === undefined || target === undefined) throw new Error("not found");
    await setUser(fallen, { role: "user" });
    const parts = { actor, target, change: { role: "moderator" as const }, endsSessions: false };
    expect(await administration.update(parts, { consequences: NOTHING_FOLLOWS, now: Date.now() })).toMatchObject({
      code: "precondition_failed",
    });
    expect((await rowOf(person.email))?.role).toBe("user");
  });
});

describe("the last superuser who can log in", () => {
  it("stays, though another one could still log in when they were looked at", async () => {
    await env.DB.prepare("UPDATE users SET is_superuser = 0").run();
    const [first, second] = [await withStanding("superuser"), await withStanding("superuser")];
    await patch(first, second.userId, { is_active: false });
    const send = appInterrupted("update `users` set", async () => {
      await patch(first, second.userId, { is_active: true });
      await setUser(first, { is_verified: 0 });
    });
    await patch(first, second.userId, { is_verified: false }, send);
    expect(await superusersLeft()).toEqual({ count: 1 });
  });

  const superusersLeft = () =>
    env.DB.prepare(
      "SELECT count(*) AS count FROM users WHERE is_superuser = 1 AND is_active = 1 AND is_verified = 1",
    ).first();

  /** Makes these users the only superusers. */
  async function alone(...superusers: LoggedIn[]): Promise<void> {
    const ids = superusers.map(({ userId }) => `'${userId}'`).join();
    await env.DB.prepare(`UPDATE users SET is_superuser = 0 WHERE id NOT IN (${ids})`).run();
  }

  it("can't be demoted, suspended, unverified or deleted, by themselves either [AC-5]", async () => {
    const last = await withStanding("superuser");
    await alone(last);
    for (const body of [{ is_superuser: false }, { is_active: false }, { is_verified: false }]) {
      expectProblem(await patch(last, last.userId, body), 409, "last_superuser");
    }
    expectProblem(await remove(last, last.userId), 409, "last_superuser");
    const { accessToken: bearer, password } = last;
    expectProblem(await call("DELETE", `${USERS}/me`, { bearer, body: { password } }), 409, "last_superuser");
    expect((await readMe(bearer)).json).toMatchObject({ is_superuser: true, is_active: true });
    expect((await patch(last, last.userId, { first_name: "Last" })).json.first_name).toBe("Last");
  });

  it("is not held back by one who is suspended or unverified", async () => {
    const [last, suspended, unproved] = [
      await withStanding("superuser"),
      await withStanding("superuser"),
      await withStanding("superuser"),
    ];
    await alone(last, suspended, unproved);
    await patch(last, suspended.userId, { is_active: false });
    await patch(last, unproved.userId, { is_verified: false });
    expectProblem(await patch(last, last.userId, { is_superuser: false }), 409, "last_superuser");
    // Superusers who can't log in can be demoted and deleted, because another one remains.
    expect((await patch(last, suspended.userId, { is_superuser: false })).status).toBe(200);
    expect((await remove(last, unproved.userId)).status).toBe(204);
  });

  it.each(["demote", "suspend", "delete"])("stays when two of them %s each other at once", async (deed) => {
    const [one, two] = [await withStanding("superuser"), await withStanding("superuser")];
    await alone(one, two);
    const act = (actor: LoggedIn, target: LoggedIn) =>
      deed === "delete"
        ? remove(actor, target.userId)
        : patch(actor, target.userId, deed === "demote" ? { is_superuser: false } : { is_active: false });
    const answers = await Promise.all([act(one, two), act(two, one)]);
    const succeeded = answers.filter(({ status }) => status < 300);
    expect(succeeded, answers.map(({ text }) => text).join("\n")).toHaveLength(1);
    expect(await superusersLeft()).toEqual({ count: 1 });
  });

  it("stays when both delete themselves at once", async () => {
    const [one, two] = [await withStanding("superuser"), await withStanding("superuser")];
    await alone(one, two);
    const leave = (self: LoggedIn, send?: Send) =>
      call("DELETE", `${USERS}/me`, { bearer: self.accessToken, body: { password: self.password } }, send);
    const answers: Answer[] = [];
    const send = appInterrupted("delete from `users`", async () => answers.push(await leave(two)));
    answers.push(await leave(one, send));
    expect(answers.map(({ status }) => status)).toEqual([204, 409]);
    expect(await rowOf(one.email)).toMatchObject({ is_superuser: 1, is_active: 1, is_verified: 1 });
    expect(await rowOf(two.email)).toBeNull();
  });

  it("stays when both demote themselves at once, again and again", async () => {
    for (let round = 0; round < 5; round++) {
      const [one, two] = [await withStanding("superuser"), await withStanding("superuser")];
      await alone(one, two);
      const answers = await Promise.all([one, two].map((self) => patch(self, self.userId, { is_superuser: false })));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    }
  });
});
