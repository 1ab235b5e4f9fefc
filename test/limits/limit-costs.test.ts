/** What the limits of a request cost: each call of an object and each row that it writes has a price. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { LIMIT_BUDGETS } from "../budgets.ts";
import { logInByLink, loginLink } from "../support/account.ts";
import { type Answer, appWith, freshAddress, inTurn, post, type Send } from "../support/client.ts";
import { countOperations } from "../support/operations.ts";
import { newPerson, type Person, registered } from "../support/people.ts";

const LOGIN = "/api/v1/auth/login";
const DAY = 86_400_000;
const WRONG = "a wrong password, surely";

let hosts = 0;
const freshV4 = () => {
  hosts += 1;
  return `198.18.9.${hosts}`;
};

/** The status of one request, and what its limits cost. */
async function cost(request: (send: Send) => Promise<Answer>) {
  let status = 0;
  const { limits } = await countOperations(async (send) => {
    status = (await request(send)).status;
  });
  return { status, limits };
}

const enter =
  (name: object, password: string, address: string) =>
  (send: Send): Promise<Answer> =>
    post(LOGIN, { ...name, password }, { address }, send);

describe.each([
  ["IPv4", freshV4, LIMIT_BUDGETS.wrongPassword, LIMIT_BUDGETS.register],
  ["IPv6", freshAddress, LIMIT_BUDGETS.wrongPasswordV6, LIMIT_BUDGETS.registerV6],
])("over %s, limits cost exactly their budget at", (_what, fresh, wrongPassword, registration) => {
  let person: Person;
  let home: string;

  beforeEach(async () => {
    [person, home] = [await registered(), fresh()];
    // `appWith` also waits for the work after the response.
    expect((await enter({ email: person.email }, person.password, home)(appWith({}))).status).toBe(200);
    vi.setSystemTime(Date.now() + DAY);
  });

  it("a login from a known network, by either name", async () => {
    const expected = { status: 200, limits: LIMIT_BUDGETS.login };
    expect(await cost(enter({ email: person.email }, person.password, home))).toEqual(expected);
    expect(await cost(enter({ username: person.username }, person.password, home))).toEqual(expected);
  });

  it("a login from a new network", async () => {
    const expected = { status: 200, limits: LIMIT_BUDGETS.loginFromNewNetwork };
    expect(await cost(enter({ email: person.email }, person.password, fresh()))).toEqual(expected);
  });

  it("a wrong password from a known network, and the login that follows it", async () => {
    const expected = { status: 401, limits: wrongPassword };
    expect(await cost(enter({ email: person.email }, WRONG, home))).toEqual(expected);
    // The guard of the other name counted the wrong guess, so the login is reported to it too.
    const after = { status: 200, limits: LIMIT_BUDGETS.loginFromNewNetwork };
    expect(await cost(enter({ email: person.email }, person.password, home))).toEqual(after);
  });

  it("a login by link: one call less than after a wrong password, of which the other name must hear", async () => {
    const calls = async (count: number) => {
      const link = await loginLink(person, count);
      const { status, limits } = await cost((send) => logInByLink(link, { address: home }, send));
      expect(status).toBe(200);
      return limits.requests;
    };
    const usual = await calls(1);
    expect((await enter({ username: person.username }, WRONG, home)(appWith({}))).status).toBe(401);
    expect(await calls(2)).toBe(usual + 1);
    expect(await calls(3)).toBe(usual);
  });

  it("a wrong password from a new network", async () => {
    const expected = { status: 401, limits: wrongPassword };
    expect(await cost(enter({ email: person.email }, WRONG, fresh()))).toEqual(expected);
  });

  it("a registration", async () => {
    const request = (send: Send) => post("/api/v1/auth/register", newPerson(), { address: fresh() }, send);
    expect(await cost(request)).toEqual({ status: 202, limits: registration });
  });
});

describe("limits cost exactly their budget at", () => {
  it("a guess at a name that no user has", async () => {
    const request = enter({ email: newPerson().email }, WRONG, freshV4());
    expect(await cost(request)).toEqual({ status: 401, limits: LIMIT_BUDGETS.unknownName });
  });

  it("a guess that they refuse", async () => {
    const [{ email }, address] = [newPerson(), freshV4()];
    await inTurn(10, () => enter({ email }, WRONG, address)(appWith({})));
    const refused = await cost(enter({ email }, WRONG, address));
    expect(refused).toEqual({ status: 429, limits: LIMIT_BUDGETS.refusedByLimit });
  });

  it("a request for a link, and at a link", async () => {
    const { email } = await registered();
    const forgot = (send: Send) => post("/api/v1/auth/forgot-password", { email }, { address: freshV4() }, send);
    expect(await cost(forgot)).toEqual({ status: 202, limits: LIMIT_BUDGETS.forgotPassword });
    const follow = (send: Send) => post("/api/v1/auth/verify-email", { token: "AAAA" }, { address: freshV4() }, send);
    expect(await cost(follow)).toEqual({ status: 400, limits: LIMIT_BUDGETS.link });
  });
});
