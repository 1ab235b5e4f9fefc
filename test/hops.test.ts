import { beforeAll, describe, expect, it } from "vitest";
import { HOP_BUDGETS } from "./budgets.ts";
import { readMe, refresh, tryLogin } from "./support/account.ts";
import { type Answer, appWith, get, post } from "./support/client.ts";
import { codeOf, enrolled, pendingToken, secondStep } from "./support/factors.ts";
import { recordLogs } from "./support/logs.ts";
import { type LoggedIn, loggedIn, logIn } from "./support/people.ts";

/** What is expected of a request that keeps to its budget. */
const within = (route: keyof typeof HOP_BUDGETS, status: number) => {
  const hops = HOP_BUDGETS[route];
  return { status, hops, waves: hops };
};

/** How many round trips a request made one after another, and in total. */
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
  let person: LoggedIn;

  beforeAll(async () => {
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

  it("are two for login from a trusted device, without its second factor", async () => {
    const holder = await enrolled();
    const proof = { totp: await codeOf(holder.totp.secret), trust_device: true };
    const { json } = await secondStep(await pendingToken(holder), proof);
    const { email, password } = holder;
    const request = () =>
      post("/api/v1/auth/login", { email, password, trusted_device_token: json.trusted_device_token });
    expect(await cost(request)).toEqual(within("login", 200));
  });

  it("are two for a login that asks to set up a second factor", async () => {
    const send = appWith({ SECOND_FACTOR: "required", SECOND_FACTOR_GRACE_DAYS: "0" });
    expect(await cost(() => tryLogin(person, {}, send))).toEqual(within("login", 403));
    const grace = appWith({ SECOND_FACTOR: "required" });
    expect(await cost(() => tryLogin(person, {}, grace))).toEqual(within("login", 200));
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

  it("are told per storage in Server-Timing, in development alone", async () => {
    const answer = await readMe(person.accessToken);
    const timing = answer.headers.get("Server-Timing") ?? "";
    expect(timing).toMatch(/(^|, )d1;dur=[\d.]+/);
    expect(timing).toMatch(/(^|, )sessions;dur=[\d.]+/);
  });
});
