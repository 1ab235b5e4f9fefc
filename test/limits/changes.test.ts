import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { forgotPassword } from "../support/account.ts";
import { appWith, atOnce, type Call, call, expectProblem, inTurn } from "../support/client.ts";
import { operations } from "../support/openapi.ts";
import { type LoggedIn, loggedIn, logIn, mailedToken, registered, rowOf, withStanding } from "../support/people.ts";

const tight = appWith({ RATE_LIMITS: "changesPerUser=3/1h,changesPerOperator=4/1h" });

/** How many audit events of this type have the user as their actor. */
const recorded = async (userId: string, type: string) =>
  (await env.DB.prepare("SELECT count(*) AS n FROM audit_events WHERE actor_id = ? AND type = ?")
    .bind(userId, type)
    .first<number>("n")) ?? 0;

const sessionIds = async (person: LoggedIn, count: number) => {
  const sessions: LoggedIn[] = [];
  for (let made = 0; made < count; made++) sessions.push(await logIn(person));
  return sessions.map(({ sessionId }) => sessionId);
};

describe("what a user does to their own account", () => {
  it("has one budget over all routes that the audit log records", async () => {
    const person = await loggedIn();
    const [first = ""] = await sessionIds(person, 1);
    const send = (method: string, path: string, body?: unknown) =>
      call(method, path, { bearer: person.accessToken, body }, tight);
    expect((await send("PUT", "/api/v1/users/me", { first_name: "Ada" })).status).toBe(200);
    expect((await send("DELETE", `/api/v1/users/me/sessions/${first}`)).status).toBe(204);
    const exported = await send("GET", "/api/v1/users/me/export");
    expect(exported.status).toBe(200);
    expect(exported.headers.get("RateLimit")).toContain('"changesPerUser";r=0');
    const more: [string, string, unknown?][] = [
      ["PUT", "/api/v1/users/me", { first_name: "Grace" }],
      [
        "POST",
        "/api/v1/users/change-password",
        { current_password: "wrong", new_password: "a password as good as any" },
      ],
      ["POST", "/api/v1/users/me/email", { email: "elsewhere@example.com", password: person.password }],
      ["DELETE", `/api/v1/users/me/sessions/${person.sessionId}`],
      ["DELETE", "/api/v1/users/me/sessions"],
      ["DELETE", "/api/v1/users/me", { password: person.password }],
      ["GET", "/api/v1/users/me/export"],
    ];
    const before = await rowOf(person.email);
    for (const [method, path, body] of more) expectProblem(await send(method, path, body), 429, "rate_limited");
    expect(await rowOf(person.email)).toEqual(before);
    for (const path of ["/api/v1/users/me", "/api/v1/users/me/sessions", "/api/v1/users/me/security-events"]) {
      expect((await send("GET", path)).status).toBe(200);
    }
  });

  it("is recorded no more often than the budget allows, however much comes at once", async () => {
    const person = await loggedIn();
    const statuses = await atOnce(40, async (turn) => {
      const body = { first_name: `Ada ${turn}` };
      return (await call("PUT", "/api/v1/users/me", { bearer: person.accessToken, body }, tight)).status;
    });
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === 429)).toHaveLength(37);
    expect(await recorded(person.userId, "profile_changed")).toBe(3);
  });

  it("is counted together for all sessions, and apart for each user", async () => {
    const [person, other] = [await loggedIn(), await loggedIn()];
    const elsewhere = await logIn(person);
    const change = ({ accessToken }: LoggedIn, turn: number) =>
      call("PUT", "/api/v1/users/me", { bearer: accessToken, body: { first_name: `Ada ${turn}` } }, tight);
    expect(await inTurn(4, (turn) => change(turn % 2 === 0 ? person : elsewhere, turn))).toEqual([200, 200, 200, 429]);
    expect((await change(other, 0)).status).toBe(200);
  });

  it("leaves the owner a reset by email, and a log out everywhere, when a stranger has used up the budget", async () => {
    const person = await loggedIn();
    const bearer = person.accessToken;
    const change = (turn: number) =>
      call("PUT", "/api/v1/users/me", { bearer, body: { first_name: `Ada ${turn}` } }, tight);
    expect(await inTurn(4, change)).toEqual([200, 200, 200, 429]);
    expect((await forgotPassword(person.email)).status).toBe(202);
    const body = { token: await mailedToken(person.email, 2), new_password: "another password, as good as new" };
    expect((await call("POST", "/api/v1/auth/reset-password", { body }, tight)).status).toBe(204);
    const again = await logIn({ ...person, password: body.new_password });
    const everywhere: Call = { bearer: again.accessToken, body: { all: true } };
    expect((await call("POST", "/api/v1/auth/logout", everywhere, tight)).status).toBe(204);
  });

  it("comes back in time", async () => {
    const person = await loggedIn();
    const start = Date.now();
    vi.setSystemTime(start);
    const end = () => call("DELETE", "/api/v1/users/me/sessions", { bearer: person.accessToken }, tight);
    expect(await inTurn(4, end)).toEqual([204, 204, 204, 429]);
    vi.setSystemTime(start + 20 * 60_000);
    expect((await end()).status).toBe(204);
  });
});

describe("what an operator does to others", () => {
  it("has one budget over all routes, apart from their own account", async () => {
    const admin = await withStanding("superuser");
    const target = await logIn(await registered());
    const path = `/api/v1/users/${target.userId}`;
    const send = (method: string, where: string, body?: unknown) =>
      call(method, where, { bearer: admin.accessToken, body }, tight);
    expect((await send("PATCH", path, { first_name: "Ada" })).status).toBe(200);
    expect((await send("POST", `${path}/revoke-sessions`)).status).toBe(204);
    expect((await send("POST", `${path}/send-password-reset`)).status).toBe(202);
    const last = await send("POST", "/api/v1/invitations", { email: `new-${target.userId}@example.com` });
    expect(last.status).toBe(202);
    expect(last.headers.get("RateLimit")).toContain('"changesPerOperator";r=0');
    for (const [method, where, body] of [
      ["PATCH", path, { first_name: "Grace" }],
      ["POST", `${path}/revoke-sessions`],
      ["POST", `${path}/send-password-reset`],
      ["POST", "/api/v1/invitations", { email: `newer-${target.userId}@example.com` }],
      ["DELETE", path],
    ] as const) {
      expectProblem(await send(method, where, body), 429, "rate_limited");
    }
    for (const where of [path, "/api/v1/users/", "/api/v1/audit-events"]) {
      expect((await send("GET", where)).status).toBe(200);
    }
    expect((await send("PUT", "/api/v1/users/me", { first_name: "Root" })).status).toBe(200);
  });

  it("has a larger budget than a user", () => {
    expect(LIMIT_RULES.changesPerOperator.budget).toBeGreaterThan(LIMIT_RULES.changesPerUser.budget);
  });
});

describe("every route", () => {
  it("that changes something for a caller with an account is limited by the caller's budget", () => {
    for (const { id, method, credentials, refusals, limits } of operations) {
      const isOfUser = credentials.includes("access_token") && !credentials.includes("refresh_token");
      if (!isOfUser || (method === "get" && !id.startsWith("export"))) continue;
      const isOfOperator = refusals.includes("forbidden");
      expect(limits, id).toContain(isOfOperator ? "changesPerOperator" : "changesPerUser");
    }
  });
});
