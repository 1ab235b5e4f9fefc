import { decodeJwt } from "jose";
import { describe, expect, it, vi } from "vitest";
import { NEW_PASSWORD, readMe } from "../support/account.ts";
import { type Answer, call, expectProblem, get, post } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { undelivered } from "../support/emails.ts";
import { codeOf, enrolled, nextStep, type Totp, withNewTotp } from "../support/factors.ts";
import { openInvitation } from "../support/invitations.ts";
import { operations } from "../support/openapi.ts";
import { type LoggedIn, loggedIn, newPerson, registered, rowOf } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const MINUTE = 60_000;
const WRONG = "a wrong password, surely";

type Caller = LoggedIn & { totp?: Totp };

interface Route {
  status: number;
  /** Whether the body contains the current password. */
  takesPassword?: boolean;
  /** Whether only operators may call the route. Such a route concerns another user. */
  isOfOperators?: boolean;
  run(caller: Caller, id: string): Promise<Answer>;
}

const onUser = (method: string, status: number, path = "", body?: object): Route => ({
  status,
  isOfOperators: true,
  run: ({ accessToken }, id) => call(method, `/api/v1/users/${id}${path}`, { bearer: accessToken, body }),
});

const onInvitation = (method: string, status: number, path = ""): Route => ({
  status,
  isOfOperators: true,
  run: async ({ accessToken: bearer, userId }) =>
    call(method, `/api/v1/invitations/${await openInvitation(userId)}${path}`, { bearer }),
});

/** Every route that demands a recent login, except the routes that change second factors. */
const ROUTES = {
  changePassword: {
    ...{ status: 204, takesPassword: true },
    run: ({ accessToken: bearer, password }) =>
      post("/api/v1/users/change-password", { current_password: password, new_password: NEW_PASSWORD }, { bearer }),
  },
  changeEmail: {
    ...{ status: 202, takesPassword: true },
    run: ({ accessToken: bearer, password }) =>
      post("/api/v1/users/me/email", { email: newPerson().email, password }, { bearer }),
  },
  deleteMe: {
    ...{ status: 204, takesPassword: true },
    run: ({ accessToken: bearer, password }) => call("DELETE", "/api/v1/users/me", { bearer, body: { password } }),
  },
  removePassword: {
    ...{ status: 204, takesPassword: true },
    run: ({ accessToken: bearer, password }) =>
      call("DELETE", "/api/v1/users/me/password", { bearer, body: { current_password: password } }),
  },
  exportMe: {
    status: 200,
    run: ({ accessToken: bearer }) => get("/api/v1/users/me/export", { bearer }),
  },
  updateUser: onUser("PATCH", 200, "", { role: "moderator" }),
  deleteUser: onUser("DELETE", 204),
  revokeSessions: onUser("POST", 204, "/revoke-sessions"),
  endUserSession: {
    ...{ status: 204, isOfOperators: true },
    async run({ accessToken: bearer }, id) {
      const sessionId = crypto.randomUUID();
      const origin = { deviceName: null, userAgent: null, ipAddress: null, device: "none" };
      await coldIsolate().sessions.create(id, sessionId, 0, origin, ["pwd"]);
      return call("DELETE", `/api/v1/users/${id}/sessions/${sessionId}`, { bearer });
    },
  },
  removeFactors: onUser("DELETE", 204, "/factors"),
  sendPasswordReset: onUser("POST", 202, "/send-password-reset"),
  inviteUser: {
    ...{ status: 202, isOfOperators: true },
    run: ({ accessToken: bearer }) => post("/api/v1/invitations", { email: newPerson().email }, { bearer }),
  },
  rotateKeys: {
    ...{ status: 200, isOfOperators: true },
    run: ({ accessToken: bearer }) => post("/api/v1/keys/rotate", undefined, { bearer }),
  },
  retryEmail: {
    ...{ status: 202, isOfOperators: true },
    run: async ({ accessToken: bearer }) =>
      post(`/api/v1/emails/dead-letters/${await undelivered()}/retry`, undefined, { bearer }),
  },
  resetLimit: {
    ...{ status: 204, isOfOperators: true },
    run: ({ accessToken: bearer }) => post("/api/v1/limits/loginPerAddress/reset", { key: "192.0.2.98" }, { bearer }),
  },
  exportAuditEvents: {
    ...{ status: 200, isOfOperators: true },
    run: ({ accessToken: bearer }) =>
      get("/api/v1/audit-events/export?format=ndjson&until=2026-01-01T00:00:00Z", { bearer }),
  },
  resendInvitation: onInvitation("POST", 202, "/resend"),
  revokeInvitation: onInvitation("DELETE", 204),
} satisfies Record<string, Route>;
const routes: [string, Route][] = Object.entries(ROUTES);

/** The operations on factors and trusted devices that need no recent login, because they give an attacker nothing. */
const HARMLESS = ["renameFactor", "removeTrustedDevice", "removeTrustedDevices"];

/** Operators' requests that only read but use POST, because the value that they look up must not be in a URL. */
const READING = ["lookUpLimit"];

const LOGINS = {
  password: { level: "and there is no second factor", of: loggedIn },
  factor: { level: "with the second factor", of: enrolled },
  early: { level: "and from before the second factor", of: withNewTotp },
} satisfies Record<string, { level: string; of: () => Promise<Caller> }>;

type Login = keyof typeof LOGINS;

/** The demand in a route's refusal, or `undefined` if the login is recent and strong enough. */
function demandOf({ takesPassword = false }: Route, login: Login, isOld: boolean) {
  if (login === "password") return isOld && !takesPassword ? { max_age: 900 } : undefined;
  return isOld || login === "early" ? { acr_values: "aal2", max_age: 900 } : undefined;
}

async function callerWith(login: Login, { isOfOperators = false }: Route): Promise<Caller> {
  const caller = await LOGINS[login].of();
  // Unlike the role, the flag is not in access tokens, so it can be set after the login.
  if (isOfOperators) await setUser(caller, { is_superuser: 1 });
  return caller;
}

async function target({ isOfOperators = false }: Route): Promise<string> {
  return isOfOperators ? String((await rowOf((await registered()).email))?.id) : "";
}

/** The caller after a reauthentication. A refresh alone would not be enough. */
async function askedAgain(caller: Caller): Promise<Caller> {
  const { accessToken: bearer, password, totp } = caller;
  if (totp !== undefined) nextStep();
  const proof = totp === undefined ? { password } : { totp: await codeOf(totp.secret) };
  const { json, status } = await post("/api/v1/auth/reauthenticate", proof, { bearer });
  expect(status).toBe(200);
  return { ...caller, accessToken: json.access_token };
}

const cells = routes.flatMap(([id, route]) =>
  (["password", "factor", "early"] as const).flatMap((login) =>
    ["fresh", "old"].map((age) => ({ id, route, login, age, level: LOGINS[login].level })),
  ),
);

/** Operators need no recent login to read, except to download the audit log. */
const isReading = ({ id, method }: { id: string; method: string }) =>
  READING.includes(id) || (method === "get" && id !== "exportAuditEvents");

describe("step-up", () => {
  it.each(cells)("decides $id by a login that is $age, $level [PR-6, AC-8]", async ({ route, login, age }) => {
    const isOld = age === "old";
    const [caller, id] = [await callerWith(login, route), await target(route)];
    if (isOld) vi.setSystemTime(Date.now() + 16 * MINUTE);
    const demand = demandOf(route, login, isOld);
    const answer = await route.run(caller, id);
    if (demand === undefined) {
      expect(answer.status, answer.text).toBe(route.status);
      return;
    }
    expectProblem(answer, 403, "reauthentication_required");
    const { acr_values, max_age } = answer.json;
    expect({ acr_values, max_age }).toEqual(demand);
    expect(answer.headers.get("WWW-Authenticate")).toMatch(/^Bearer .*error="insufficient_user_authentication"/);
    // The refused request changed nothing. It succeeds after the user has reauthenticated.
    expect((await readMe(caller.accessToken)).json.email).toBe(caller.email);
    const repeated = await route.run(await askedAgain(caller), id);
    expect(repeated.status, repeated.text).toBe(route.status);
  });

  it("is declared by these routes, by those that change factors, and by every act of an operator [AC-8]", () => {
    const asking = operations.filter(
      ({ id, tag, method, refusals }) =>
        refusals.includes("reauthentication_required") && !(tag === "Administration" && isReading({ id, method })),
    );
    const ofFactors = operations.filter(({ tag, method }) => tag === "Second factors" && method !== "get");
    const changing = ofFactors.map(({ id }) => id).filter((id) => !HARMLESS.includes(id));
    const expected = [...Object.keys(ROUTES), ...changing];
    expect(asking.map(({ id }) => id).toSorted()).toEqual(expected.toSorted());
    const acts = operations.filter(({ id, tag, method }) => tag === "Administration" && !isReading({ id, method }));
    const declared = routes.filter(([, { isOfOperators }]) => isOfOperators);
    expect(acts.map(({ id }) => id).toSorted()).toEqual(declared.map(([id]) => id).toSorted());
  });

  it("comes before the password is checked: a wrong one is not counted, and not told from the right one", async () => {
    const caller = await withNewTotp();
    for (let count = 0; count < 12; count++) {
      for (const password of [WRONG, caller.password]) {
        expectProblem(await ROUTES.changePassword.run({ ...caller, password }), 403, "reauthentication_required");
      }
    }
    const proved = await askedAgain(caller);
    expect(decodeJwt(proved.accessToken)).toMatchObject({ acr: "aal2" });
    expectProblem(await ROUTES.changePassword.run({ ...proved, password: WRONG }), 403, "wrong_password");
    expect((await ROUTES.changePassword.run(proved)).status).toBe(204);
  });

  it("comes after the permission: who may not act is not asked who they are", async () => {
    const caller = await loggedIn();
    const id = await target(ROUTES.deleteUser);
    vi.setSystemTime(Date.now() + 16 * MINUTE);
    expectProblem(await ROUTES.deleteUser.run(caller, id), 403, "forbidden");
  });
});
