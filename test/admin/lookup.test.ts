import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, appWith, call, expectProblem, get, post } from "../support/client.ts";
import { countingRows } from "../support/counted-rows.ts";
import { importMany } from "../support/many-users.ts";
import { type LoggedIn, loggedIn, newPerson, registered, rowOf, withStanding } from "../support/people.ts";

const USERS = "/api/v1/users";
const LOOKUP = `${USERS}/lookup`;

function lookUp(actor: LoggedIn, query: Record<string, string>): Promise<Answer> {
  return get(`${LOOKUP}?${new URLSearchParams(query)}`, { bearer: actor.accessToken });
}

describe("GET /api/v1/users/lookup", () => {
  let moderator: LoggedIn;

  beforeAll(async () => {
    moderator = await withStanding("moderator");
  });

  it("finds the one user with this email or this username, in any case", async () => {
    const person = await registered({ ...newPerson(), username: `Zoe.${crypto.randomUUID().slice(0, 8)}` });
    await registered({ ...newPerson(), username: `${person.username}-2` });
    const { email, username } = person;
    for (const query of [
      { email },
      { email: email.toUpperCase() },
      { username },
      { username: username.toLowerCase() },
      { username: username.toUpperCase() },
    ]) {
      const answer = await lookUp(moderator, query);
      expect(answer.status, JSON.stringify(query)).toBe(200);
      expect(answer.json).toMatchObject({ email, username, role: "user", is_active: true });
      expect(answer.text).not.toMatch(/hash|scrypt|epoch/);
    }
  });

  it("takes the names as people paste and type them: with spaces around, and with an international domain", async () => {
    const { username } = newPerson();
    const person = await registered({ ...newPerson(), username, email: `${username}@xn--bcher-kva.example` });
    for (const query of [
      { email: `${username}@bücher.example` },
      { email: ` ${username.toUpperCase()}@BÜCHER.example\n` },
      { email: person.email },
      { username: ` ${username} ` },
    ]) {
      expect((await lookUp(moderator, query)).json, JSON.stringify(query)).toMatchObject({ username });
    }
  });

  it("finds nobody by part of a name, by a wildcard, or by the other kind of name", async () => {
    const { email, username } = await registered();
    for (const query of [
      { email: email.slice(1) },
      { email: email.slice(0, -1) },
      { email: `_${email.slice(1)}` },
      { email: `%${email.slice(1)}` },
      { username: username.slice(0, -1) },
      { username: username.replace(/.$/, "_0") },
      { email: `nobody-${crypto.randomUUID()}@example.com` },
    ]) {
      expectProblem(await lookUp(moderator, query), 404, "not_found");
    }
    for (const query of [{ email: username }, { username: email }, { username: "%" }]) {
      expectProblem(await lookUp(moderator, query), 422, "validation_failed");
    }
  });

  it("gives the ETag that a change is made against, so that a moderator can suspend a plain user", async () => {
    const person = await loggedIn();
    const { headers, json } = await lookUp(moderator, { email: person.email });
    const change = { bearer: moderator.accessToken, headers: { "If-Match": headers.get("ETag") ?? "" } };
    const answer = await call("PATCH", `${USERS}/${json.id}`, { ...change, body: { is_active: false } });
    expect(answer.json.is_active).toBe(false);
    expect((await lookUp(moderator, { username: person.username })).json.is_active).toBe(false);
  });

  it.each([
    ["", "email"],
    ["?email=", "email"],
    ["?email=nobody", "email"],
    ["?email=ada@example.com&username=ada", "email"],
    ["?email=ada@example.com&email=bob@example.com", "email"],
    ["?username=", "username"],
    ["?username=a%20b%20c", "username"],
    ["?username=ada&q=a", "q"],
  ])("refuses the query %j and names the parameter", async (query, field) => {
    const answer = await get(`${LOOKUP}${query}`, { bearer: moderator.accessToken });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors[0].field).toBe(field);
  });

  it("is a route of its own beside that of one user, with and without a trailing slash", async () => {
    const bearer = moderator.accessToken;
    const { email } = moderator;
    expect((await get(`${LOOKUP}/?email=${email}`, { bearer })).json.id).toBe(moderator.userId);
    const posted = await post(LOOKUP, {}, { bearer });
    expectProblem(posted, 405, "method_not_allowed");
    expect(posted.headers.get("Allow")).toMatch(/^GET/);
    expectProblem(await call("DELETE", LOOKUP, { bearer }), 405, "method_not_allowed");
  });

  it("tells an ordinary user nothing about who exists", async () => {
    const user = await loggedIn();
    for (const email of [moderator.email, user.email, newPerson().email]) {
      expectProblem(await lookUp(user, { email }), 403, "forbidden");
    }
    expectProblem(await get(`${LOOKUP}?email=${moderator.email}`), 401, "unauthorized");
  });

  it("is limited for each operator, wherever they call from and whether or not a user is found", async () => {
    const [busy, other] = [await withStanding("moderator"), await withStanding("moderator")];
    const queries = Array.from({ length: 60 }, (_, index) =>
      index % 2 === 0 ? { email: busy.email } : { username: `nobody-${index}` },
    );
    const answers = await Promise.all(queries.map((query) => lookUp(busy, query)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 404]));
    const refused = await lookUp(busy, { email: busy.email });
    expectProblem(refused, 429, "rate_limited");
    expect(refused.headers.get("RateLimit-Policy")).toBe('"userLookupPerUser";q=60;w=900');
    expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect((await lookUp(other, { email: busy.email })).status).toBe(200);
  });

  it("reads one row by an index and those of the caller, however many users there are", async () => {
    await importMany("many-", 1_000);
    const { DB, count } = countingRows();
    const send = appWith({}, { DB });
    // The isolate may still have another test file's signing keys in memory. Then it reads the keys in this request.
    await get(`${LOOKUP}?email=${moderator.email}`, { bearer: moderator.accessToken }, send);
    for (const name of [`email=${moderator.email}`, `username=${moderator.username}`]) {
      const before = count.rowsRead;
      expect((await get(`${LOOKUP}?${name}`, { bearer: moderator.accessToken }, send)).status).toBe(200);
      expect(count.rowsRead - before, name).toBeLessThanOrEqual(10);
    }
  });
});

describe("a moderator", () => {
  it("can't list users, but reads one by id and suspends plain users", async () => {
    const [moderator, colleague, person] = [
      await withStanding("moderator"),
      await withStanding("moderator"),
      await loggedIn(),
    ];
    const bearer = moderator.accessToken;
    for (const query of ["", "?limit=1", `?q=${person.email}`, "?role=admin", "?cursor=forged"]) {
      const answer = await get(`${USERS}/${query}`, { bearer });
      expect([403, 422], query).toContain(answer.status);
      expect(answer.text).not.toContain("items");
    }
    expectProblem(await get(`${USERS}/`, { bearer }), 403, "forbidden");
    expect((await get(`${USERS}/${person.userId}`, { bearer })).json.email).toBe(person.email);
    const suspend = (id: string) => call("PATCH", `${USERS}/${id}`, { bearer, body: { is_active: false } });
    expect((await suspend(person.userId)).status).toBe(200);
    expectProblem(await suspend(colleague.userId), 403, "forbidden");
    expect(await rowOf(colleague.email)).toMatchObject({ is_active: 1 });
  });

  it("is below admins and superusers, who do list users", async () => {
    for (const standing of ["admin", "superuser"] as const) {
      const { accessToken } = await withStanding(standing);
      expect((await get(`${USERS}/?limit=1`, { bearer: accessToken })).json.items).toHaveLength(1);
    }
  });
});
