import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { LIMIT_RULES } from "../../src/config/limit-rules.ts";
import { revocationKey } from "../../src/sessions/revocations.ts";
import { appWith, call, expectProblem, freshAddress, get, post, shown } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { logIn, mailedToken, mailsTo, type Person, registered, rowOf, somebody } from "../support/people.ts";
import { appInterrupted } from "../support/slow-database.ts";

const FORGOT = "/api/v1/auth/forgot-password";
const RESET = "/api/v1/auth/reset-password";
const NEW = "another fine password";
const forgot = (email: string) => post(FORGOT, { email });
const reset = (token: string, new_password = NEW) => post(RESET, { token, new_password });
const me = (bearer: string) => get("/api/v1/users/me", { bearer });

/** The token of a reset link, after `count` mails in all. */
async function resetToken(person: Person, count = 2): Promise<string> {
  expect((await forgot(person.email)).status).toBe(202);
  return mailedToken(person.email, count);
}

describe("POST /api/v1/auth/forgot-password", () => {
  it("answers a known and an unknown address alike, at the same cost, and mails the known one alone [PR-1]", async () => {
    const person = await registered();
    const unknown = somebody().email;
    const logs = recordLogs();
    const [known, nobody] = [await forgot(person.email), await forgot(unknown)];
    expect(known.status).toBe(202);
    expect(shown(nobody)).toEqual(shown(known));
    const costs = logs()
      .filter(({ route }) => route === FORGOT)
      .map(({ hops, storage_calls }) => ({ hops, storage_calls }));
    expect(costs).toHaveLength(2);
    expect(costs[0]).toEqual(costs[1]);

    const [mail] = await mailsTo(person.email, 2);
    expect(mail?.subject).toBe("Reset your Postern password");
    expect(mail?.text).toMatch(/http:\/\/localhost:8787\/reset-password#token=[\w-]+\n/);
    expect((await get("/dev/outbox")).json.items.some(({ to }: { to: string }) => to === unknown)).toBe(false);
  });

  it("changes nothing until the link is used [PR-1]", async () => {
    const person = await registered();
    const session = await logIn(person);
    await resetToken(person);
    expect((await me(session.accessToken)).status).toBe(200);
    await logIn(person);
  });

  it("refuses the fourth mail to one address within the hour, known or not [PR-2]", async () => {
    const known = await registered();
    for (const email of [known.email, somebody().email]) {
      for (let time = 0; time < 3; time++) expect((await forgot(email)).status).toBe(202);
      expectProblem(await forgot(email), 429, "rate_limited");
    }
    const mails = (await mailsTo(known.email, 4)).filter(({ subject }) => subject === "Reset your Postern password");
    expect(mails).toHaveLength(3);
  });

  it("is open to an address whose other mails a stranger used up", async () => {
    const { email } = await registered();
    for (let time = 0; time < 4; time++) await post("/api/v1/auth/resend-verification", { email });
    expect((await forgot(email)).status).toBe(202);
    await mailedToken(email, 2);
  });

  it("is open to an account whose logins are limited [LG-4]", async () => {
    const person = await registered();
    const address = freshAddress();
    const wrong = { email: person.email, password: "a wrong password, surely" };
    for (let attempt = 0; attempt < 11; attempt++) await post("/api/v1/auth/login", wrong, { address });
    for (const client of [address, freshAddress()]) {
      expect((await post(FORGOT, { email: person.email }, { address: client })).status).toBe(202);
    }
  });
});

describe("POST /api/v1/auth/reset-password", () => {
  it("sets the password, ends every session, refuses every token of before, and tells the owner [PR-4, SE-9]", async () => {
    const person = await registered();
    const [phone, laptop] = [await logIn(person), await logIn(person)];
    const answer = await reset(await resetToken(person));
    expect(answer.status).toBe(204);
    expect(answer.text).toBe("");
    expect(answer.headers.get("Set-Cookie")).toBeNull();
    for (const { accessToken, refreshToken } of [phone, laptop]) {
      expectProblem(await me(accessToken), 401, "invalid_access_token");
      const refreshed = await post("/api/v1/auth/refresh", { refresh_token: refreshToken });
      expectProblem(refreshed, 401, "invalid_refresh_token");
    }
    const old = await post("/api/v1/auth/login", { email: person.email, password: person.password });
    expectProblem(old, 401, "invalid_credentials");
    await logIn({ ...person, password: NEW });
    const notice = await vi.waitFor(async () => {
      const mails = await mailsTo(person.email);
      const found = mails.find(({ subject }) => subject === "Your Postern password has been changed");
      expect(found).toBeDefined();
      return found;
    }, 10_000);
    for (const secret of [NEW, person.password, "#token="]) {
      expect(`${notice?.text}${notice?.html}`).not.toContain(secret);
    }
  });

  it("tells other Workers of the ended sessions, though the object of sessions fails at first", async () => {
    const person = await logIn(await registered());
    const token = await resetToken(person);
    let failures = 2;
    const USER_SESSIONS: Bindings["USER_SESSIONS"] = Object.create(env.USER_SESSIONS, {
      getByName: {
        value: (name: string) =>
          failures-- > 0
            ? { forgetAll: () => Promise.reject(new Error("Network connection lost.")) }
            : env.USER_SESSIONS.getByName(name),
      },
    });
    const body = { token, new_password: "another fine password" };
    const answer = await post("/api/v1/auth/reset-password", body, {}, appWith({}, { USER_SESSIONS }));
    expect(answer.status).toBe(204);
    expect(failures).toBeLessThan(0);
    await vi.waitFor(
      async () => expect(await env.REVOCATIONS.get(revocationKey(person.userId))).toContain(person.sessionId),
      { timeout: 5_000 },
    );
  });

  it("works once [PR-3]", async () => {
    const token = await resetToken(await registered());
    expect((await reset(token)).status).toBe(204);
    expectProblem(await reset(token), 400, "invalid_token");
  });

  it("lets exactly one of many uses at once win", async () => {
    const person = await registered();
    const token = await resetToken(person);
    const patient = appWith({ HASH_LANE_LENGTH: "64" });
    const passwords = Array.from({ length: 8 }, (_, index) => `${NEW} number ${index}`);
    const answers = await Promise.all(
      passwords.map((new_password) => post(RESET, { token, new_password }, {}, patient)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(7).fill(400)]);
    const winner = passwords[answers.findIndex(({ status }) => status === 204)] ?? "";
    await logIn({ ...person, password: winner });
  });

  it("dies with a newer reset and with a change of the password [PR-3]", async () => {
    const person = await registered();
    const first = await resetToken(person);
    const second = await resetToken(person, 3);
    expect((await reset(second)).status).toBe(204);
    expectProblem(await reset(first), 400, "invalid_token");

    const third = await resetToken(person, 5);
    const session = await logIn({ ...person, password: NEW });
    const body = { current_password: NEW, new_password: `${NEW} of my own` };
    expect((await post("/api/v1/users/change-password", body, { bearer: session.accessToken })).status).toBe(204);
    expectProblem(await reset(third), 400, "invalid_token");
    await logIn({ ...person, password: body.new_password });
  });

  it("dies with its hour, with the address, and with the account [PR-3]", async () => {
    const [late, moved, gone] = [await registered(), await registered(), await registered()];
    const tokens = [await resetToken(late), await resetToken(moved), await resetToken(gone)];
    await env.DB.prepare("UPDATE users SET email = ? WHERE email = ?").bind(`moved-${moved.email}`, moved.email).run();
    await env.DB.prepare("DELETE FROM users WHERE email = ?").bind(gone.email).run();
    expectProblem(await reset(tokens[1] ?? ""), 400, "invalid_token");
    expectProblem(await reset(tokens[2] ?? ""), 400, "invalid_token");
    vi.setSystemTime(Date.now() + 3_601_000);
    expectProblem(await reset(tokens[0] ?? ""), 400, "expired_token");
  });

  it("is refused where the account moves to another address while the new password is hashed", async () => {
    const person = await registered();
    const token = await resetToken(person);
    const email = somebody().email;
    const send = appInterrupted('update "users" set', () =>
      env.DB.prepare("UPDATE users SET email = ? WHERE email = ?").bind(email, person.email).run(),
    );
    expectProblem(await post(RESET, { token, new_password: NEW }, {}, send), 400, "invalid_token");
    await logIn({ ...person, email });
  });

  it("stays good when the new password is refused [PR-5]", async () => {
    const token = await resetToken(await registered());
    const weak = await reset(token, "fourteen chars");
    expectProblem(weak, 422, "validation_failed");
    expect(weak.json.errors).toMatchObject([{ field: "new_password", code: "too_short" }]);
    expect((await reset(token)).status).toBe(204);
  });

  it("takes no token of another purpose, and gives none to it [RG-3, PR-3]", async () => {
    const waiting = somebody();
    await post("/api/v1/auth/register", waiting);
    const verification = await mailedToken(waiting.email);
    expectProblem(await reset(verification), 400, "invalid_token");
    const recovery = await resetToken(await registered());
    expectProblem(await post("/api/v1/auth/verify-email", { token: recovery }), 400, "invalid_token");
    for (const forged of ["AAAA", `${recovery.slice(0, -2)}AA`, verification.slice(4)]) {
      expectProblem(await reset(forged), 400, "invalid_token");
    }
  });

  it("takes no verification link of an account that waits to be proved, nor gives its own to verify it", async () => {
    // The registration and the user that it made have the same id, so that both links have the same subject.
    const waiting = somebody();
    await post("/api/v1/auth/register", waiting);
    const verification = await mailedToken(waiting.email);
    const recovery = await resetToken(waiting);
    expect(recovery).not.toBe(verification);
    expectProblem(await post("/api/v1/auth/verify-email", { token: recovery }), 400, "invalid_token");
    expectProblem(await reset(verification), 400, "invalid_token");
    expect(await rowOf(waiting.email)).toMatchObject({ is_verified: 0 });
  });

  it("verifies the address, and leaves nothing to whoever opened the account on it", async () => {
    const attacker = somebody();
    await post("/api/v1/auth/register", attacker);
    const verification = await mailedToken(attacker.email);
    const owner = { ...attacker, password: NEW };
    expect((await reset(await resetToken(attacker))).status).toBe(204);
    expect(await rowOf(owner.email)).toMatchObject({ is_verified: 1 });
    expect((await logIn(owner)).answer.json.user.is_verified).toBe(true);
    const login = await post("/api/v1/auth/login", { email: attacker.email, password: attacker.password });
    expectProblem(login, 401, "invalid_credentials");
    expectProblem(await post("/api/v1/auth/verify-email", { token: verification }), 400, "invalid_token");
  });

  it("limits how many links one address tries [PR-5]", async () => {
    const address = freshAddress();
    const statuses: number[] = [];
    const { budget } = LIMIT_RULES.linkAttemptsPerAddress;
    for (let attempt = 0; attempt <= budget; attempt++) {
      statuses.push((await post(RESET, { token: "AAAA", new_password: NEW }, { address })).status);
    }
    expect(statuses).toEqual([...Array(budget).fill(400), 429]);
  });

  it("is never spent by opening the page behind the link", async () => {
    const token = await resetToken(await registered());
    for (const method of ["GET", "HEAD"]) {
      const page = await call(method, `/reset-password?token=${token}`);
      expect(page.status).toBe(200);
      expect(page.headers.get("Content-Security-Policy")).not.toContain("unsafe");
    }
    expect((await reset(token)).status).toBe(204);
  });
});
