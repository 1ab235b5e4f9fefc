import { describe, expect, it } from "vitest";
import { register } from "../support/account.ts";
import { type Call, call, expectProblem, get, refusedFields } from "../support/client.ts";
import { loggedIn, logIn, newPerson, registered } from "../support/people.ts";

const ME = "/api/v1/users/me";
const put = (bearer: string, body: unknown, headers: Call["headers"] = {}) =>
  call("PUT", ME, { bearer, body, headers });

describe("PUT /api/v1/users/me", () => {
  it("changes the fields that are sent and no other, and answers with the user", async () => {
    const { accessToken, email } = await loggedIn();
    const first = await put(accessToken, { first_name: "Ada", last_name: "Lovelace", phone: "+441234567890" });
    expect(first.status).toBe(200);
    expect(first.json).toMatchObject({ email, first_name: "Ada", last_name: "Lovelace", phone: "+441234567890" });
    const second = await put(accessToken, { last_name: "King" });
    expect(second.json).toMatchObject({ first_name: "Ada", last_name: "King", phone: "+441234567890" });
    expect((await get(ME, { bearer: accessToken })).json).toEqual(second.json);
    expect(Date.parse(second.json.updated_at)).toBeGreaterThan(Date.parse(first.json.updated_at));
  });

  it("clears an optional field with null, and leaves everything alone when nothing is sent", async () => {
    const { accessToken } = await loggedIn();
    await put(accessToken, { first_name: "Ada", phone: "+441234567890" });
    const cleared = await put(accessToken, { first_name: null, phone: null });
    expect(cleared.json).toMatchObject({ first_name: null, phone: null });
    const same = await put(accessToken, {});
    expect({ ...same.json, updated_at: "" }).toEqual({ ...cleared.json, updated_at: "" });
  });

  it("limits how many usernames a user tries", async () => {
    const { accessToken } = await loggedIn();
    for (let turn = 0; turn < 30; turn++) expect((await put(accessToken, {})).status).toBe(200);
    expectProblem(await put(accessToken, { username: "admin" }), 429, "rate_limited");
  });

  it("changes the username, by which one logs in from then on", async () => {
    const person = await loggedIn();
    const { username } = newPerson();
    expect((await put(person.accessToken, { username })).json.username).toBe(username);
    await logIn(person, { email: undefined, username });
    expect((await put(person.accessToken, { username: username.toUpperCase() })).status).toBe(200);
    const free = await register({ ...newPerson(), username: person.username });
    expect(free.status).toBe(202);
  });

  it("refuses a username that another user has, in any case", async () => {
    const { accessToken, username: own } = await loggedIn();
    const { username } = await registered();
    const answer = await put(accessToken, { username: username.toUpperCase(), first_name: "Ada" });
    expectProblem(answer, 409, "username_taken");
    expect((await get(ME, { bearer: accessToken })).json).toMatchObject({ username: own, first_name: null });
  });

  it("gives a username to one of many who claim it at once", async () => {
    const people = await Promise.all([loggedIn(), loggedIn(), loggedIn(), loggedIn()]);
    const { username } = newPerson();
    const answers = await Promise.all(people.map(({ accessToken }) => put(accessToken, { username })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
  });

  it.each([
    [
      "fields that are not one's own to change",
      { email: "x@example.com", role: "admin", is_superuser: true, is_active: true, is_verified: true },
    ],
    ["null for what can't be empty", { username: null }],
    ["a phone number that is none", { phone: "12345" }],
    ["an empty name", { first_name: "" }],
  ])("refuses %s [AC-3]", async (_what, body) => {
    const { accessToken } = await loggedIn();
    const answer = await put(accessToken, body);
    expectProblem(answer, 422, "validation_failed");
    expect(refusedFields(answer)).toEqual(Object.keys(body));
    if ("role" in body) for (const { code } of answer.json.errors) expect(code).toBe("unknown_field");
  });

  it("refuses a change if another client changed the user since the ETag was read", async () => {
    const { accessToken } = await loggedIn();
    const read = await get(ME, { bearer: accessToken });
    const ETag = read.headers.get("ETag") ?? "";
    expect(ETag).toMatch(/^"[\w-]+"$/);
    const [left, right] = await Promise.all([
      put(accessToken, { first_name: "Ada" }, { "If-Match": ETag }),
      put(accessToken, { first_name: "Grace" }, { "If-Match": ETag }),
    ]);
    expect([left.status, right.status].sort()).toEqual([200, 412]);
    const winner = left.status === 200 ? left : right;
    expectProblem(left.status === 200 ? right : left, 412, "precondition_failed");
    expect((await get(ME, { bearer: accessToken })).json).toEqual(winner.json);
    const next = winner.headers.get("ETag") ?? "";
    expect(next).not.toBe(ETag);
    expect((await put(accessToken, { first_name: "Grace" }, { "If-Match": `"other", ${next}` })).status).toBe(200);
    expect((await put(accessToken, { first_name: "Anybody" }, { "If-Match": "*" })).status).toBe(200);
  });

  it("knows an ETag that was made a weak one on the way, and another one for another", async () => {
    const { accessToken } = await loggedIn();
    const strong = (await get(ME, { bearer: accessToken })).headers.get("ETag") ?? "";
    const weak = { "If-Match": `W/${strong}` };
    expect((await put(accessToken, { first_name: "Ada" }, weak)).status).toBe(200);
    expectProblem(await put(accessToken, { first_name: "Grace" }, weak), 412, "precondition_failed");
  });

  it.each(["W/*", '"*"', 'W/"*"'])("takes If-Match: %s for no user of any version", async (header) => {
    const { accessToken } = await loggedIn();
    expectProblem(await put(accessToken, { first_name: "Ada" }, { "If-Match": header }), 412, "precondition_failed");
  });

  it("loses no change of two tabs that change different fields at once", async () => {
    const { accessToken } = await loggedIn();
    await Promise.all([put(accessToken, { first_name: "Ada" }), put(accessToken, { last_name: "Lovelace" })]);
    const { json } = await get(ME, { bearer: accessToken });
    expect(json).toMatchObject({ first_name: "Ada", last_name: "Lovelace" });
  });
});
