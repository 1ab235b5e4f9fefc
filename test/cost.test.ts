/** Counts what docs/cost.md and docs/scaling.md calculate with. A changed number is no bug: see the test's message. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { parseConfig } from "../src/config/config.ts";
import { verifyToken } from "../src/features/rpc/methods.ts";
import { DAY } from "../src/platform/clock.ts";
import { createServices } from "../src/services.ts";
import { refuseRevoked } from "../src/verify/revocations.ts";
import { OPERATION_BUDGETS, type OperationName } from "./budgets.ts";
import measuredCalls from "./measure/d1-calls.json" with { type: "json" };
import measured from "./measure/operations.json" with { type: "json" };
import { linkOfBrowser, readMe } from "./support/account.ts";
import { createAuthenticator } from "./support/authenticator.ts";
import { appWith, ORIGIN, post, type Send } from "./support/client.ts";
import { codeOf, enrolled, pendingToken, reported } from "./support/factors.ts";
import { countOperations } from "./support/operations.ts";
import { newPerson } from "./support/people.ts";
import { coldIsolate } from "./support/services.ts";

const LONGER_THAN_SESSIONS = 8 * DAY;

// An isolate reads every signing key, one row each. So keys of other tests are put aside, and put back afterwards.
let others: Record<string, unknown>[] = [];

beforeEach(async () => {
  others = (await env.DB.prepare("SELECT * FROM signing_keys").all()).results;
  await env.DB.prepare("DELETE FROM signing_keys").run();
});

afterEach(async () => {
  vi.useRealTimers();
  await env.DB.prepare("DELETE FROM signing_keys").run();
  for (const key of others) {
    const columns = Object.keys(key);
    const places = columns.map(() => "?");
    await env.DB.prepare(`INSERT INTO signing_keys (${columns}) VALUES (${places})`)
      .bind(...Object.values(key))
      .run();
  }
});

const ADVICE = "The operations have changed. Write these to test/measure/operations.json, then npm run docs:cost:";
const ADVICE_CALLS =
  "The calls of D1 have changed. Write these to test/measure/d1-calls.json, then npm run docs:scaling:";

it("costs no more than its budget, and the operations that docs/cost.md has prices for, counted in requests, their messages and their alarms", async () => {
  // After this read, the service keeps the numbers of users, which costs a row for each new user.
  await coldIsolate().userTotals.read();
  const person = newPerson();
  const address = "2001:db8:c057::1";
  const login = (send?: Send, password = person.password) =>
    post("/api/v1/auth/login", { email: person.email, password }, { address }, send);

  const registration = await countOperations((send) => post("/api/v1/auth/register", person, { address }, send));
  const [, token] = /#token=([\w-]+)/.exec(registration.emails[0]?.text ?? "") ?? [];
  const verification = await countOperations((send) => post("/api/v1/auth/verify-email", { token }, { address }, send));
  // The first login is untypical: it creates the signing key, and its device is new. So only later logins are counted,
  // from the same browser, after the previous session has ended.
  await countOperations((send) => login(send));
  const returning = await countOperations((send) => login(send));
  const refused = await countOperations((send) => login(send, "a wrong password, surely"));

  vi.setSystemTime(Date.now() + DAY);
  const { access_token, refresh_token } = (await login(appWith({}))).json;
  const refreshing = await countOperations((send) =>
    post("/api/v1/auth/refresh", { refresh_token }, { address }, send),
  );
  const me = await countOperations((send) => readMe(access_token, send));
  const strict = await countOperations((_, bindings) =>
    verifyToken(createServices(bindings, parseConfig(env)), access_token),
  );
  const [, payload = ""] = access_token.split(".");
  const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  const copied = await countOperations((_, { REVOCATIONS }) => refuseRevoked(REVOCATIONS, claims));
  const logout = await countOperations((send) =>
    post("/api/v1/auth/logout", undefined, { address, bearer: access_token }, send),
  );

  const owner = await enrolled();
  const { accessToken: bearer } = owner;
  const authenticator = createAuthenticator({ rpId: "localhost", origin: ORIGIN });
  const toAdd = (await post("/api/v1/users/me/factors/passkeys/options", undefined, { bearer })).json;
  const credential = await authenticator.register(toAdd);
  expect((await post("/api/v1/users/me/factors/passkeys", { credential }, { bearer })).status).toBe(201);
  // Lets earlier sessions end. Otherwise their alarm would also delete the new session, and would not be counted.
  vi.setSystemTime(Date.now() + LONGER_THAN_SESSIONS);
  await reported(owner);
  const pending_token = await pendingToken(owner);
  const secondFactor = await countOperations(async (send) => {
    const totp = await codeOf(owner.totp.secret);
    const answer = await post("/api/v1/auth/second-factor", { pending_token, totp }, { address }, send);
    expect(answer.status, answer.text).toBe(200);
  });
  const passkeyLogin = await countOperations(async (send) => {
    const asked = await post("/api/v1/auth/passkey/options", undefined, { address }, send);
    const used = await authenticator.authenticate(asked.json);
    const answer = await post("/api/v1/auth/passkey", { credential: used }, { address }, send);
    expect(answer.status, answer.text).toBe(200);
  });

  const protectedLogin = (more: object, send?: Send) =>
    post("/api/v1/auth/login", { email: owner.email, password: owner.password, ...more }, { address }, send);
  const firstStep = await countOperations(async (send) => {
    expect((await protectedLogin({}, send)).json.code).toBe("second_factor_required");
  });
  let trusted_device_token = "";
  await countOperations(async (send) => {
    const proof = { totp: await codeOf(owner.totp.secret), trust_device: true };
    const token = (await protectedLogin({}, send)).json.pending_token;
    const answer = await post("/api/v1/auth/second-factor", { pending_token: token, ...proof }, { address }, send);
    ({ trusted_device_token } = answer.json);
  });
  const trustedLogin = await countOperations(async (send) => {
    const answer = await protectedLogin({ trusted_device_token }, send);
    expect(answer.status, answer.text).toBe(200);
  });

  const linkRequest = await countOperations(async (send) => {
    const answer = await post("/api/v1/auth/email-login", { email: person.email }, { address }, send);
    expect(answer.status, answer.text).toBe(202);
  });
  expect(linkRequest.emails.map(({ subject }) => subject)).toEqual(["Log in to Postern"]);
  const logInByLink = async (count: number) => {
    const { cookie, token } = await linkOfBrowser(person, count);
    return countOperations(async (send) => {
      const options = { address, headers: { Cookie: cookie, Origin: ORIGIN } };
      const answer = await post("/api/v1/auth/email-login/confirm", { token }, options, send);
      expect(answer.status, answer.text).toBe(200);
    });
  };
  // The first login by link is not counted, because it also creates tables in the user's object.
  await logInByLink(1);
  const emailLogin = await logInByLink(2);
  const demanding = { SECOND_FACTOR: "required", SECOND_FACTOR_GRACE_DAYS: "0" };
  const enrolment = await countOperations(async (send) => {
    const asked = await login(send);
    expect(asked.json.code, asked.text).toBe("second_factor_enrolment_required");
    const { enrolment_token } = asked.json;
    const path = "/api/v1/auth/enrolment/totp";
    const begun = await post(path, { enrolment_token }, { address }, send);
    expect(begun.status, begun.text).toBe(201);
    const body = { enrolment_token, code: await codeOf(begun.json.secret) };
    const answer = await post(`${path}/confirm`, body, { address }, send);
    expect(answer.status, answer.text).toBe(200);
  }, demanding);

  const counted = {
    register: registration,
    verifyEmail: verification,
    login: returning,
    refusedLogin: refused,
    refresh: refreshing,
    me,
    verifyByKv: copied,
    verifyByRpc: strict,
    logout,
    secondFactor,
    passkeyLogin,
    firstStep,
    trustedLogin,
    linkRequest,
    emailLogin,
    enrolment,
  };
  expect(Object.keys(counted)).toEqual(Object.keys(OPERATION_BUDGETS));
  for (const [name, { operations, d1Calls }] of Object.entries(counted)) {
    const cost = { ...operations, d1Calls: d1Calls.reads + d1Calls.writes };
    for (const [unit, most] of Object.entries(OPERATION_BUDGETS[name as OperationName])) {
      expect(
        cost[unit as keyof typeof cost],
        `${unit} of ${name}, by its budget in test/budgets.ts`,
      ).toBeLessThanOrEqual(most);
    }
  }

  type Counted = typeof me;
  const of = <Member extends keyof Counted>(member: Member) =>
    Object.fromEntries(Object.entries(counted).map(([name, each]) => [name, each[member]]));
  const [found, calls] = [of("operations"), of("d1Calls")];
  expect(found, `${ADVICE}\n${JSON.stringify(found)}\n`).toEqual(measured);
  expect(calls, `${ADVICE_CALLS}\n${JSON.stringify(calls)}\n`).toEqual(measuredCalls);
});
