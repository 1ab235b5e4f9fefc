import { beforeAll, describe, expect, it } from "vitest";
import { HOP_BUDGETS } from "./budgets.ts";
import { linkOfBrowser, readMe, refresh, tryLogin } from "./support/account.ts";
import { createAuthenticator } from "./support/authenticator.ts";
import { type Answer, appWith, call, get, ORIGIN, post } from "./support/client.ts";
import {
  addTotp,
  codeOf,
  confirmTotp,
  enrolled,
  nextStep,
  pendingToken,
  reported,
  secondStep,
} from "./support/factors.ts";
import { recordLogs } from "./support/logs.ts";
import { type LoggedIn, loggedIn, logIn, withStanding } from "./support/people.ts";

/** The expected result of a request that makes exactly the round trips in its budget. */
const within = (route: keyof typeof HOP_BUDGETS, status: number) => {
  const hops = HOP_BUDGETS[route];
  return { status, hops, waves: hops };
};

/** How many round trips a request made one after another: `hops` in its log line, `waves` in Server-Timing. */
async function cost(request: () => Promise<Answer>): Promise<{ status: number; hops: unknown; waves: number }> {
  const logs = recordLogs();
  const answer = await request();
  const line = logs().find(({ event }) => event === "request");
  const waves = [...(answer.headers.get("Server-Timing") ?? "").matchAll(/wave (\d+)/g)].map(([, wave]) =>
    Number(wave),
  );
  return { status: answer.status, hops: line?.hops, waves: Math.max(0, ...waves) };
}

describe("storage round trips that happen one after another", () => {
  const grace = appWith({ SECOND_FACTOR: "required" });
  const demanding = appWith({ SECOND_FACTOR: "required", SECOND_FACTOR_GRACE_DAYS: "0" });
  let person: LoggedIn;

  beforeAll(async () => {
    // Lets all three isolates read the newest signing key, because an isolate that starts replaces a key that is due.
    const other = await loggedIn();
    for (const send of [grace, demanding]) await tryLogin(other, {}, send);
    person = await loggedIn();
  });

  const WRONG = "a wrong password, surely";
  it.each<[string, () => Promise<Answer>, object]>([
    ["two for login", () => tryLogin(person), within("login", 200)],
    [
      "two for login from a new device, whose notice is sent later",
      () => post("/api/v1/auth/login", { email: person.email, password: person.password, device_name: "a new device" }),
      within("login", 200),
    ],
    ["one for a refused login", () => tryLogin({ ...person, password: WRONG }), within("refusedLogin", 401)],
    ["one for refresh", () => refresh(person.refreshToken), within("refresh", 200)],
    ["one for GET /users/me", () => readMe(person.accessToken), within("me", 200)],
  ])("are %s", async (_what, request, expected) => {
    expect(await cost(request)).toEqual(expected);
  });

  it("are three for login from a trusted device: the user's object is asked before the login is recorded", async () => {
    const holder = await enrolled();
    const proof = { totp: await codeOf(holder.totp.secret), trust_device: true };
    const { json } = await secondStep(await pendingToken(holder), proof);
    const { email, password } = holder;
    const body = { email, password, trusted_device_token: json.trusted_device_token };
    expect(await cost(() => post("/api/v1/auth/login", body))).toEqual(within("trustedLogin", 200));
    expect(await cost(() => post("/api/v1/auth/login", body, {}, demanding))).toEqual(within("trustedLogin", 200));
  });

  it("are two for a login in the grace period, and three where it asks to set up a second factor and refunds the guess", async () => {
    expect(await cost(() => tryLogin(person, {}, grace))).toEqual(within("login", 200));
    expect(await cost(() => tryLogin(person, {}, demanding))).toEqual(within("loginBeforeFactor", 403));
  });

  it("are two for a request of an emailed link, and four for the login with it", async () => {
    const { email } = person;
    expect(await cost(() => post("/api/v1/auth/email-login", { email }))).toEqual(within("linkRequest", 202));
    const { cookie, token } = await linkOfBrowser(await loggedIn());
    const headers = { Cookie: cookie, Origin: ORIGIN };
    const confirm = () => post("/api/v1/auth/email-login/confirm", { token }, { headers });
    expect(await cost(confirm)).toEqual(within("emailLogin", 200));
  });

  it("are three for each step of a login that sets up an authenticator app", async () => {
    const { enrolment_token } = (await tryLogin(await loggedIn(), {}, demanding)).json;
    const path = "/api/v1/auth/enrolment/totp";
    let secret = "";
    const begin = async () => {
      const answer = await post(path, { enrolment_token }, {}, demanding);
      ({ secret } = answer.json);
      return answer;
    };
    expect(await cost(begin)).toEqual(within("enrolApp", 201));
    const code = await codeOf(secret);
    const confirm = () => post(`${path}/confirm`, { enrolment_token, code }, {}, demanding);
    expect(await cost(confirm)).toEqual(within("enrolment", 200));
  });

  it("are one for logout, by either token", async () => {
    const [first, second] = [await logIn(person), await logIn(person)];
    const byAccess = () => post("/api/v1/auth/logout", undefined, { bearer: first.accessToken });
    expect(await cost(byAccess)).toEqual(within("logout", 204));
    const byRefresh = () => post("/api/v1/auth/logout", { refresh_token: second.refreshToken, all: true });
    expect(await cost(byRefresh)).toEqual(within("logout", 204));
  });

  it("are two for a logout everywhere by an access token, whose key is asked about first", async () => {
    const { accessToken } = await logIn(await loggedIn());
    const everywhere = () => post("/api/v1/auth/logout", { all: true }, { bearer: accessToken });
    expect(await cost(everywhere)).toEqual(within("logoutEverywhere", 204));
  });

  it("are none for the JWKS, the metadata and the signpost once the keys are known", async () => {
    await get("/.well-known/jwks.json");
    for (const path of ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/"]) {
      expect(await cost(() => get(path))).toEqual(within("jwks", 200));
    }
  });

  it("are none for what is refused before any storage is needed", async () => {
    for (const request of [
      () => post("/api/v1/auth/login", { email: "x" }),
      () => post("/api/v1/auth/refresh", { refresh_token: "prt_forged" }),
      () => get("/api/v1/users/me"),
      () => get("/nowhere"),
    ]) {
      expect(await cost(request)).toMatchObject({ hops: 0, waves: 0 });
    }
  });

  it("are within the budget of each route of second factors, in the order in which a user takes them", async () => {
    const FACTORS = "/api/v1/users/me/factors";
    const owner = await loggedIn();
    nextStep();
    let answer: Answer | undefined;
    const all: object[] = [];
    const budgets: object[] = [];
    const spend = async (route: keyof typeof HOP_BUDGETS, status: number, request: () => Promise<Answer>) => {
      const counted = await cost(async () => {
        answer = await request();
        return answer;
      });
      all.push({ route, ...counted });
      budgets.push({ route, ...within(route, status) });
      return answer?.json;
    };
    let bearer = owner.accessToken;
    const first = await spend("addFirstFactor", 201, () => addTotp(bearer));
    const code = await codeOf(first.secret);
    const { recovery_codes: codes } = await spend("changeFactors", 200, () => confirmTotp(bearer, code));
    await reported(owner);
    nextStep();

    const login = { email: owner.email, password: owner.password };
    const asked = await spend("loginBeforeFactor", 403, () => post("/api/v1/auth/login", login));
    const { pending_token } = asked;
    const of = { pending_token };
    await spend("passkeyOptionsOfLogin", 200, () => post("/api/v1/auth/passkey/options", of));
    const proof = { totp: await codeOf(first.secret) };
    const opened = await spend("secondFactor", 200, () => secondStep(pending_token, proof));
    bearer = opened.access_token;
    const recovery = { recovery_code: codes[0] };
    const pending = await pendingToken(owner);
    await spend("secondFactor", 200, () => secondStep(pending, recovery));

    nextStep();
    const again = { totp: await codeOf(first.secret) };
    bearer = (await spend("reauthenticate", 200, () => post("/api/v1/auth/reauthenticate", again, { bearer })))
      .access_token;
    const second = await spend("changeFactors", 201, () => addTotp(bearer));
    const secondCode = await codeOf(second.secret);
    await spend("changeFactors", 200, () => confirmTotp(bearer, secondCode));
    const name = { name: "Old phone" };
    await spend("changeFactors", 200, () => call("PATCH", `${FACTORS}/${second.id}`, { bearer, body: name }));
    await spend("changeFactors", 204, () => call("DELETE", `${FACTORS}/${second.id}`, { bearer }));
    await spend("changeFactors", 200, () => post("/api/v1/users/me/recovery-codes", undefined, { bearer }));

    const authenticator = createAuthenticator({ rpId: "localhost", origin: ORIGIN });
    const options = await spend("changeFactors", 200, () => post(`${FACTORS}/passkeys/options`, undefined, { bearer }));
    const credential = await authenticator.register(options);
    await spend("changeFactors", 201, () => post(`${FACTORS}/passkeys`, { credential }, { bearer }));
    await spend("listFactors", 200, () => get(FACTORS, { bearer }));
    const request = await spend("passkeyOptions", 200, () => post("/api/v1/auth/passkey/options"));
    const used = await authenticator.authenticate(request);
    await spend("passkeyLogin", 200, () => post("/api/v1/auth/passkey", { credential: used }));

    const operator = await withStanding("admin");
    await spend("removeFactorsOfUser", 204, () =>
      call("DELETE", `/api/v1/users/${owner.userId}/factors`, { bearer: operator.accessToken }),
    );
    expect(all).toEqual(budgets);
  });

  it("are told per storage in Server-Timing, in development alone", async () => {
    const answer = await readMe(person.accessToken);
    const timing = answer.headers.get("Server-Timing") ?? "";
    expect(timing).toMatch(/(^|, )d1;dur=[\d.]+/);
    expect(timing).toMatch(/(^|, )sessions;dur=[\d.]+/);
  });
});
