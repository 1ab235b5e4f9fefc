import { describe, expect, it } from "vitest";
import { LIMIT_RULES } from "../../src/limits/rules.ts";
import { type Answer, appWith, freshAddress, post } from "../support/client.ts";
import { logIn, registered, somebody } from "../support/people.ts";

const LOGIN = "/api/v1/auth/login";
const RESEND = "/api/v1/auth/resend-verification";
/** Everybody finds a place in the hashing lane. */
const patient = appWith({ HASH_LANE_LENGTH: "64" });
const wrong = "a wrong password, surely";

async function inTurn(count: number, request: (index: number) => Promise<Answer>): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index++) statuses.push((await request(index)).status);
  return statuses;
}

describe("the limits of a login", () => {
  it("stop one address that guesses at many accounts", async () => {
    const address = freshAddress();
    const { budget } = LIMIT_RULES.loginPerAddress;
    const statuses = await inTurn(budget + 1, () =>
      post(LOGIN, { email: somebody().email, password: wrong }, { address }, patient),
    );
    expect(statuses).toEqual([...Array(budget).fill(401), 429]);
  });

  it("slow down many addresses that guess at one account, and no other account", async () => {
    const { email } = somebody();
    const { budget } = LIMIT_RULES.loginPerAccount;
    const statuses = await inTurn(budget + 1, () => post(LOGIN, { email, password: wrong }, {}, patient));
    expect(statuses).toEqual([...Array(budget).fill(401), 429]);
    await logIn(await registered());
  });

  it("are spent by a right password that opens no session, since it costs hashing", async () => {
    const person = somebody();
    await post("/api/v1/auth/register", person);
    const address = freshAddress();
    const body = { email: person.email, password: person.password };
    const statuses = await inTurn(11, () => post(LOGIN, body, { address }));
    expect(statuses).toEqual([...Array(10).fill(403), 429]);
  });
});

describe("the limits of mails", () => {
  it("stop one address that asks for mails to many", async () => {
    const address = freshAddress();
    const { budget } = LIMIT_RULES.mailPerAddress;
    const statuses = await inTurn(budget + 1, () => post(RESEND, { email: somebody().email }, { address }));
    expect(statuses).toEqual([...Array(budget).fill(202), 429]);
  });

  it("are not spent on a stranger by who is refused", async () => {
    const address = freshAddress();
    await inTurn(LIMIT_RULES.mailPerAddress.budget, () => post(RESEND, { email: somebody().email }, { address }));
    const { email } = somebody();
    expect(await inTurn(5, () => post(RESEND, { email }, { address }))).toEqual(Array(5).fill(429));
    expect((await post(RESEND, { email })).status).toBe(202);
  });
});

describe("a limited route", () => {
  it.each([
    ["/api/v1/auth/register", () => somebody(), 202],
    ["/api/v1/auth/verify-email", () => ({ token: "AAAA" }), 400],
    [RESEND, () => ({ email: somebody().email }), 202],
    [LOGIN, () => ({ email: somebody().email, password: wrong }), 401],
  ])("%s says what is left of its budgets", async (path, body, status) => {
    const answer = await post(path, body());
    expect(answer.status).toBe(status);
    expect(answer.headers.get("RateLimit-Policy")).toMatch(/^"\w+";q=\d+;w=\d+(, "\w+";q=\d+;w=\d+)*$/);
    expect(answer.headers.get("RateLimit")).toMatch(/^"\w+";r=\d+;t=\d+(, "\w+";r=\d+;t=\d+)*$/);
  });
});
