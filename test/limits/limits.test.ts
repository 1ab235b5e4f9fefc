import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { LEASE, LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { sealEnrolment, sealPendingLogin } from "../../src/factors/pending-login.ts";
import { login } from "../../src/features/login/login.ts";
import { limitedKey } from "../../src/limits/budgets.ts";
import { sendWithFault } from "../faults/send.ts";
import { refresh, register } from "../support/account.ts";
import { appWith, atOnce, call, expectProblem, freshAddress, inTurn, ORIGIN, post } from "../support/client.ts";
import { countingHashes } from "../support/counted-hashes.ts";
import { outcomeOf, runEndpoint } from "../support/endpoints.ts";
import { openInvitation } from "../support/invitations.ts";
import { operations } from "../support/openapi.ts";
import { type LoggedIn, loggedIn, logIn, newPerson, rowOf, withStanding } from "../support/people.ts";
import { brokenObjects, coldIsolate } from "../support/services.ts";

const LOGIN = "/api/v1/auth/login";
const RESEND = "/api/v1/auth/resend-verification";
const wrong = "a wrong password, surely";

describe("the limits of a login", () => {
  it("stop one address that guesses at many accounts [LG-4, LG-7]", async () => {
    const address = freshAddress();
    const { budget } = LIMIT_RULES.loginPerAddress;
    const statuses = await inTurn(budget + 1, () =>
      post(LOGIN, { email: newPerson().email, password: wrong }, { address }),
    );
    expect(statuses).toEqual([...Array(budget).fill(401), 429]);
    expectProblem(await post(LOGIN, { email: newPerson().email, password: wrong }), 401, "invalid_credentials");
    const { email } = newPerson();
    expect((await post("/api/v1/auth/forgot-password", { email }, { address })).status).toBe(202);
  });

  const { email: one } = newPerson();
  it.each<[string, number, () => string]>([
    ["many accounts", LIMIT_RULES.loginPerAddress.budget, () => newPerson().email],
    ["one account", LIMIT_RULES.loginPerAccountAndAddress.budget, () => one],
  ])(
    "allow one address exactly their budget of hashes, however many guesses at %s come at once",
    async (_what, budget, emailOf) => {
      const { services, costs } = countingHashes({});
      const address = freshAddress();
      const outcomes = await atOnce(60, async () =>
        outcomeOf(await runEndpoint(login, services, { body: { email: emailOf(), password: wrong }, address })),
      );
      expect(costs).toHaveLength(budget);
      expect(outcomes.filter((outcome) => outcome === "invalid_credentials")).toHaveLength(budget);
      expect(outcomes.filter((outcome) => outcome === "rate_limited")).toHaveLength(60 - budget);
    },
  );

  it("count wrong passwords although the objects are evicted after the response", async () => {
    const address = "198.18.8.1";
    const { budget } = LIMIT_RULES.loginPerAddress;
    const attempt = () => post(LOGIN, { email: newPerson().email, password: wrong }, { address });
    await inTurn(budget, attempt);
    const { secrets } = coldIsolate();
    const name = `loginPerAddress:${limitedKey(secrets, `loginPerAddress:${address}`)}`;
    await evictDurableObject(env.RATE_LIMITER.getByName(name));
    expectProblem(await attempt(), 429, "rate_limited");
  });

  it("are not spent by an isolate that is lost before it has checked the password, once its leases have ended", async () => {
    const start = Date.now();
    vi.setSystemTime(start);
    const address = freshAddress();
    const { budget } = LIMIT_RULES.loginPerAddress;
    const attempt = () => post(LOGIN, { email: newPerson().email, password: wrong }, { address });
    for (let lost = 0; lost < budget; lost++) {
      const body = { email: newPerson().email, password: wrong };
      const { answer } = await sendWithFault({ method: "POST", path: LOGIN, body, address }, { at: 3, fault: "lost" });
      expect(answer).toBeUndefined();
    }
    expectProblem(await attempt(), 429, "rate_limited");
    vi.setSystemTime(start + LEASE);
    expectProblem(await attempt(), 401, "invalid_credentials");
  });

  it("are spent by a right password that opens no session, since it costs hashing", async () => {
    const person = newPerson();
    await register(person);
    const address = freshAddress();
    const body = { email: person.email, password: person.password };
    const statuses = await inTurn(11, () => post(LOGIN, body, { address }));
    expect(statuses).toEqual([...Array(10).fill(403), 429]);
  });
});

describe("the limit of links", () => {
  const { budget } = LIMIT_RULES.linkAttemptsPerAddress;

  it.each([
    ["verify-email", {}],
    ["reset-password", { new_password: "a password as good as any" }],
    ["accept-invitation", newPerson()],
  ])("stops one address that tries many links at %s [PR-5]", async (name, more) => {
    const address = freshAddress();
    const body = { ...more, token: "AAAA" };
    const statuses = await inTurn(budget + 1, () => post(`/api/v1/auth/${name}`, body, { address }));
    expect(statuses).toEqual([...Array(budget).fill(400), 429]);
  });
});

describe("the limits of mails", () => {
  it("stop one address that asks for mails to many [PR-2]", async () => {
    const address = freshAddress();
    const { budget } = LIMIT_RULES.mailPerAddress;
    const statuses = await inTurn(budget + 1, () => post(RESEND, { email: newPerson().email }, { address }));
    expect(statuses).toEqual([...Array(budget).fill(202), 429]);
  });

  it("are not spent on a stranger by who is refused", async () => {
    const address = freshAddress();
    await inTurn(LIMIT_RULES.mailPerAddress.budget, () => post(RESEND, { email: newPerson().email }, { address }));
    const { email } = newPerson();
    expect(await inTurn(5, () => post(RESEND, { email }, { address }))).toEqual(Array(5).fill(429));
    expect((await post(RESEND, { email })).status).toBe(202);
  });
});

describe("a limited route", () => {
  it.each([
    ["/api/v1/auth/register", () => newPerson(), 202],
    ["/api/v1/auth/verify-email", () => ({ token: "AAAA" }), 400],
    [RESEND, () => ({ email: newPerson().email }), 202],
    [LOGIN, () => ({ email: newPerson().email, password: wrong }), 401],
    ["/api/v1/auth/password-strength", () => ({ password: wrong }), 200],
  ])("%s says what is left of its budgets", async (path, body, status) => {
    const answer = await post(path, body());
    expect(answer.status).toBe(status);
    expect(answer.headers.get("RateLimit-Policy")).toMatch(/^"\w+";q=\d+(;w=\d+)?(, "\w+";q=\d+(;w=\d+)?)*$/);
    expect(answer.headers.get("RateLimit")).toMatch(/^"\w+";r=\d+;t=\d+(, "\w+";r=\d+;t=\d+)*$/);
  });

  it("says in a refusal when to come back, which limit it was, and what is left of each [HT-4]", async () => {
    const address = freshAddress();
    const email = newPerson().email;
    const attempt = () => post(LOGIN, { email, password: wrong }, { address });
    await inTurn(10, attempt);
    const answer = await attempt();
    expectProblem(answer, 429, "rate_limited");
    const item = (text: string | null) => (text ?? "").split(", ").map((part) => part.split(";"));
    const policies = item(answer.headers.get("RateLimit-Policy"));
    const states = item(answer.headers.get("RateLimit"));
    expect(states.map(([name]) => name)).toEqual(policies.map(([name]) => name));
    const spent = states.filter(([, remaining]) => remaining === "r=0");
    expect(spent).not.toEqual([]);
    const retryAfter = Number(answer.headers.get("Retry-After"));
    for (const [, , time] of spent) expect(retryAfter).toBeGreaterThanOrEqual(Number(time?.slice(2)));
    for (const [name, quota, window] of policies) {
      expect([name, quota, window ?? "w=0"].join(";")).toMatch(/^"\w+";q=\d+;w=\d+$/);
    }
  });
});

describe("the limit of a session's refreshes", () => {
  const send = appWith({ RATE_LIMITS: "refreshPerSession=2/1m" });

  it("refuses without spending the token, which is good again in time", async () => {
    const start = Date.now();
    vi.setSystemTime(start);
    const { refreshToken } = await loggedIn();
    const first = await refresh(refreshToken, send);
    expect(first.headers.get("RateLimit-Policy")).toBe('"refreshPerSession";q=2;w=60');
    expect(first.headers.get("RateLimit")).toBe('"refreshPerSession";r=1;t=30');
    const second = await refresh(first.json.refresh_token, send);
    const refused = await refresh(second.json.refresh_token, send);
    expectProblem(refused, 429, "rate_limited");
    expect(refused.headers.get("Retry-After")).toBe("30");
    vi.setSystemTime(start + 30_000);
    expect((await refresh(second.json.refresh_token, send)).status).toBe(200);
  });

  it("does not hide a theft, nor does another session's use count", async () => {
    const slow = appWith({ RATE_LIMITS: "refreshPerSession=2/1h" });
    const start = Date.now();
    vi.setSystemTime(start);
    const person = await loggedIn();
    const other = await logIn(person);
    const first = await refresh(person.refreshToken, slow);
    const second = await refresh(first.json.refresh_token, slow);
    expect((await refresh(other.refreshToken, slow)).status).toBe(200);
    vi.setSystemTime(start + 31_000);
    expectProblem(await refresh(second.json.refresh_token, slow), 429, "rate_limited");
    expectProblem(await refresh(person.refreshToken, slow), 401, "refresh_token_reused");
  });

  it("leaves the cookie of a browser that came too soon", async () => {
    let cookie = `postern_refresh=${(await loggedIn()).refreshToken}`;
    const byCookie = () =>
      post("/api/v1/auth/refresh", undefined, { headers: { Cookie: cookie, Origin: ORIGIN } }, send);
    for (let turn = 0; turn < 2; turn++) {
      const answer = await byCookie();
      expect(answer.status).toBe(200);
      [cookie = ""] = (answer.headers.get("Set-Cookie") ?? "").split(";");
    }
    const refused = await byCookie();
    expectProblem(refused, 429, "rate_limited");
    expect(refused.headers.get("Set-Cookie")).toBeNull();
  });

  it("counts nothing with RATE_LIMITING=off", async () => {
    const free = appWith({ RATE_LIMITING: "off", RATE_LIMITS: "refreshPerSession=1/1m" });
    const { refreshToken } = await loggedIn();
    for (let turn = 0; turn < 3; turn++) {
      const answer = await refresh(refreshToken, free);
      expect([answer.status, answer.headers.get("RateLimit")]).toEqual([200, null]);
    }
  });
});

describe("a limiter that does not answer", () => {
  const send = appWith({}, { RATE_LIMITER: brokenObjects<typeof env.RATE_LIMITER>() });

  const link = () => ({ token: "AAAA" });
  const address = () => ({ email: newPerson().email });
  const bodies: Record<string, (person: LoggedIn) => unknown> = {
    register: newPerson,
    verifyEmail: link,
    confirmEmail: link,
    undoEmailChange: link,
    resendVerification: address,
    forgotPassword: address,
    requestEmailLogin: address,
    confirmEmailLogin: link,
    resetPassword: () => ({ token: "AAAA", new_password: "a password as good as any" }),
    judgePassword: () => ({ password: "a password as good as any" }),
    login: () => ({ email: newPerson().email, password: wrong }),
    acceptInvitation: () => ({ ...newPerson(), token: "AAAA" }),
    inviteUser: address,
    resendInvitation: () => undefined,
    revokeInvitation: () => undefined,
    updateMe: () => ({ first_name: "Ada" }),
    changePassword: ({ password }) => ({ current_password: password, new_password: "a password as good as any" }),
    removePassword: ({ password }) => ({ current_password: password }),
    changeEmail: ({ password }) => ({ email: newPerson().email, password }),
    deleteMe: ({ password }) => ({ password }),
    reauthenticate: ({ password }) => ({ password }),
    logInWithPasskey: () => ({ credential: credentialWith({ authenticatorData: "AAAA", signature: "AAAA" }) }),
    enrolTotp: async (person) => ({ enrolment_token: await enrolmentOf(person) }),
    confirmEnrolledTotp: async (person) => ({ enrolment_token: await enrolmentOf(person), code: "000000" }),
    readEnrolmentPasskeyOptions: async (person) => ({ enrolment_token: await enrolmentOf(person) }),
    enrolPasskey: async (person) => ({
      enrolment_token: await enrolmentOf(person),
      credential: credentialWith({ attestationObject: "AAAA" }),
    }),
    emailSecondFactorCode: async (person) => ({ pending_token: await pendingOf(person) }),
    addEmailFactor: () => undefined,
    addTotp: () => undefined,
    confirmTotp: () => ({ code: "000000" }),
    readPasskeyOptions: () => undefined,
    addPasskey: () => ({ credential: credentialWith({ attestationObject: "AAAA" }) }),
    renameFactor: () => ({ name: "Phone" }),
    removeFactor: () => undefined,
    removeFactors: () => undefined,
    replaceRecoveryCodes: () => undefined,
    removeTrustedDevice: () => undefined,
    removeTrustedDevices: () => undefined,
    exportMe: () => undefined,
    exportAuditEvents: () => undefined,
    lookUpUser: () => undefined,
    sendPasswordReset: () => undefined,
    endSession: () => undefined,
    endOtherSessions: () => undefined,
    revokeSessions: () => undefined,
    endUserSession: () => undefined,
    deleteUser: () => undefined,
    updateUser: () => ({ is_active: false }),
    rotateKeys: () => undefined,
    retryEmail: () => undefined,
    lookUpLimit: () => ({ key: "192.0.2.97" }),
    resetLimit: () => ({ key: "192.0.2.97" }),
  };
  const credentialWith = (response: object) => ({
    ...{ id: "AAAA", type: "public-key" },
    response: { clientDataJSON: "AAAA", ...response },
  });
  const enrolmentOf = ({ userId }: LoggedIn) => {
    const login = {
      userId,
      by: "password" as const,
      epoch: 0,
      deviceName: null,
      cookie: false,
      isAnnounced: false,
    };
    return sealEnrolment(login, 900_000, coldIsolate());
  };
  const pendingOf = ({ userId }: LoggedIn) => {
    const device = { deviceName: null, cookie: false, isAnnounced: false };
    return sealPendingLogin({ userId, by: "password", epoch: 0, factorKey: "", ...device }, coldIsolate());
  };
  /** The operations whose attempts the user's own object counts. */
  const countedElsewhere = ["refresh", "proveSecondFactor"];
  const limitedOperations = operations.filter(
    ({ id, refusals }) => refusals.includes("rate_limited") && !countedElsewhere.includes(id),
  );
  let person: LoggedIn;

  beforeAll(async () => {
    person = await withStanding("superuser");
  });

  it("is tried with every limited route but those that the user's own object counts", () => {
    expect(Object.keys(bodies).toSorted()).toEqual(limitedOperations.map(({ id }) => id).toSorted());
  });

  it.each(limitedOperations.map(({ id, method, path }) => ({ id, method, path })))(
    "closes $method $path, with 503",
    async ({ id, method, path }) => {
      const before = await rowOf(person.email);
      const body = await bodies[id]?.(person);
      const queries: Record<string, string> = { lookUpUser: "?username=ada", exportAuditEvents: "?format=csv" };
      const query = queries[id] ?? "";
      const about = id === "resendInvitation" ? await openInvitation(person.userId) : person.userId;
      const where = path.replace("{name}", "loginPerAddress").replaceAll(/\{\w+\}/g, about) + query;
      const answer = await call(method.toUpperCase(), where, { body, bearer: person.accessToken }, send);
      expectProblem(answer, 503, "unavailable");
      expect(answer.headers.get("Retry-After")).toBe("1");
      expect(await rowOf(person.email)).toEqual(before);
    },
  );
});

describe("RATE_LIMITS", () => {
  it("overrides a rule for good, and no other", async () => {
    const send = appWith({ RATE_LIMITS: "registerPerAddress=2/1h" });
    const address = freshAddress();
    const statuses = await inTurn(3, () => post("/api/v1/auth/register", newPerson(), { address }, send));
    expect(statuses).toEqual([202, 202, 429]);
    const answer = await post(LOGIN, { email: newPerson().email, password: wrong }, {}, send);
    expect(answer.headers.get("RateLimit-Policy")).toContain('"loginPerAddress";q=30;w=300');
  });
});
