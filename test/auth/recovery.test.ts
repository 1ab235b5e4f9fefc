import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import { revocationKey } from "../../src/sessions/revocation-record.ts";
import {
  changePassword,
  expectEnded,
  forgotPassword,
  NEW_PASSWORD,
  readMe,
  recoveryToken,
  resetPassword,
  tryLogin,
  verifyEmail,
} from "../support/account.ts";
import { altered } from "../support/altered.ts";
import { appWith, call, expectProblem, freshAddress, get, post, shown } from "../support/client.ts";
import { setUser } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { recordLogs } from "../support/logs.ts";
import { logIn, mailAbout, mailedToken, mailsTo, newPerson, registered, rowOf, unverified } from "../support/people.ts";
import { appInterrupted } from "../support/slow-database.ts";

const FORGOT = "/api/v1/auth/forgot-password";
const RESET = "/api/v1/auth/reset-password";

describe("POST /api/v1/auth/forgot-password", () => {
  it("gives a known and an unknown address the same response at the same cost, and emails only the known one [PR-1]", async () => {
    const person = await registered();
    const unknown = newPerson().email;
    const logs = recordLogs();
    const [known, nobody] = [await forgotPassword(person.email), await forgotPassword(unknown)];
    expect(known.status).toBe(202);
    expect(shown(nobody)).toEqual(shown(known));
    const costs = logs()
      .filter(({ route }) => route === FORGOT)
      .map(({ hops, storage_calls }) => ({ hops, storage_calls }));
    expect(costs).toHaveLength(2);
    expect(costs[0]).toEqual(costs[1]);

    const [mail] = await mailsTo(person.email, 2);
    expect(mail?.subject).toBe("Reset your Postern password");
    expect(mail?.text).toMatch(/http:\/\/localhost:8787\/reset-password#token=[\w-]+>\n/);
    expect((await get("/dev/outbox")).json.items.some(({ to }: { to: string }) => to === unknown)).toBe(false);
  });

  it("changes nothing until the link is used [PR-1]", async () => {
    const person = await registered();
    const session = await logIn(person);
    await recoveryToken(person);
    expect((await readMe(session.accessToken)).status).toBe(200);
    await logIn(person);
  });

  it("refuses the fourth mail to one address within the hour, known or not [PR-2]", async () => {
    const known = await registered();
    for (const email of [known.email, newPerson().email]) {
      for (let time = 0; time < 3; time++) expect((await forgotPassword(email)).status).toBe(202);
      expectProblem(await forgotPassword(email), 429, "rate_limited");
    }
    const mails = (await mailsTo(known.email, 4)).filter(({ subject }) => subject === "Reset your Postern password");
    expect(mails).toHaveLength(3);
  });

  it("is open to an address whose other mails a stranger used up", async () => {
    const { email } = await registered();
    for (let time = 0; time < 4; time++) await post("/api/v1/auth/resend-verification", { email });
    expect((await forgotPassword(email)).status).toBe(202);
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
    const answer = await resetPassword(await recoveryToken(person));
    expect(answer.status).toBe(204);
    expect(answer.text).toBe("");
    expect(answer.headers.get("Set-Cookie")).toBeNull();
    for (const session of [phone, laptop]) await expectEnded(session);
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
    await logIn({ ...person, password: NEW_PASSWORD });
    const { text, html } = await mailAbout(person.email, /^Your Postern password has been changed$/);
    for (const secret of [NEW_PASSWORD, person.password, "#token="]) expect(text + html).not.toContain(secret);
  });

  it("tells other Workers of the ended sessions, though the object of sessions fails at first", async () => {
    const person = await logIn(await registered());
    const token = await recoveryToken(person);
    let failures = 2;
    const USER_SESSIONS: Bindings["USER_SESSIONS"] = Object.create(env.USER_SESSIONS, {
      getByName: {
        value: (name: string) =>
          failures-- > 0
            ? { align: () => Promise.reject(new Error("Network connection lost.")) }
            : env.USER_SESSIONS.getByName(name),
      },
    });
    const body = { token, new_password: NEW_PASSWORD };
    const answer = await post(RESET, body, {}, appWith({}, { USER_SESSIONS }));
    expect(answer.status).toBe(204);
    expect(failures).toBeLessThan(0);
    await eventually(async () =>
      expect(await env.REVOCATIONS.get(revocationKey(person.userId))).toContain(person.sessionId),
    );
  });

  it("works once [PR-3]", async () => {
    const token = await recoveryToken(await registered());
    expect((await resetPassword(token)).status).toBe(204);
    expectProblem(await resetPassword(token), 400, "invalid_token");
  });

  it("lets exactly one of many uses at once win", async () => {
    const person = await registered();
    const token = await recoveryToken(person);
    const passwords = Array.from({ length: 8 }, (_, index) => `${NEW_PASSWORD} number ${index}`);
    const answers = await Promise.all(passwords.map((new_password) => post(RESET, { token, new_password }, {})));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(7).fill(400)]);
    const winner = passwords[answers.findIndex(({ status }) => status === 204)] ?? "";
    await logIn({ ...person, password: winner });
  });

  it("dies with a newer reset and with a change of the password [PR-3]", async () => {
    const person = await registered();
    const first = await recoveryToken(person);
    const second = await recoveryToken(person, 3);
    expect((await resetPassword(second)).status).toBe(204);
    expectProblem(await resetPassword(first), 400, "invalid_token");

    const third = await recoveryToken(person, 5);
    const session = await logIn({ ...person, password: NEW_PASSWORD });
    const newest = `${NEW_PASSWORD} of my own`;
    expect((await changePassword(session, newest)).status).toBe(204);
    expectProblem(await resetPassword(third), 400, "invalid_token");
    await logIn({ ...person, password: newest });
  });

  it("dies with its hour, with the address, and with the account [PR-3]", async () => {
    const [late, moved, gone] = [await registered(), await registered(), await registered()];
    const tokens = [await recoveryToken(late), await recoveryToken(moved), await recoveryToken(gone)];
    await setUser(moved, { email: `moved-${moved.email}` });
    await env.DB.prepare("DELETE FROM users WHERE email = ?").bind(gone.email).run();
    expectProblem(await resetPassword(tokens[1] ?? ""), 400, "invalid_token");
    expectProblem(await resetPassword(tokens[2] ?? ""), 400, "invalid_token");
    vi.setSystemTime(Date.now() + 3_601_000);
    expectProblem(await resetPassword(tokens[0] ?? ""), 400, "expired_token");
  });

  it("is refused where the account moves to another address while the new password is hashed", async () => {
    const person = await registered();
    const token = await recoveryToken(person);
    const email = newPerson().email;
    const send = appInterrupted("update `users` set", () => setUser(person, { email }));
    expectProblem(await post(RESET, { token, new_password: NEW_PASSWORD }, {}, send), 400, "invalid_token");
    await logIn({ ...person, email });
  });

  it("refuses the verification link of an unverified account, and its link doesn't verify one [RG-3, PR-3]", async () => {
    // The registration and the user that it created share an id. So the verification link and the reset link have the
    // same subject.
    const { token: verification, ...waiting } = await unverified();
    const recovery = await recoveryToken(waiting);
    expect(recovery).not.toBe(verification);
    for (const forged of ["AAAA", altered(recovery), verification.slice(4)]) {
      expectProblem(await resetPassword(forged), 400, "invalid_token");
    }
    expectProblem(await verifyEmail(recovery), 400, "invalid_token");
    expectProblem(await resetPassword(verification), 400, "invalid_token");
    expect(await rowOf(waiting.email)).toMatchObject({ is_verified: 0 });
  });

  it("verifies the address, and locks out the attacker who had registered it", async () => {
    const { token: verification, ...attacker } = await unverified();
    const owner = { ...attacker, password: NEW_PASSWORD };
    expect((await resetPassword(await recoveryToken(attacker))).status).toBe(204);
    expect(await rowOf(owner.email)).toMatchObject({ is_verified: 1 });
    expect((await logIn(owner)).answer.json.user.is_verified).toBe(true);
    expectProblem(await tryLogin(attacker), 401, "invalid_credentials");
    expectProblem(await verifyEmail(verification), 400, "invalid_token");
  });

  it("is never spent by opening the page behind the link", async () => {
    const token = await recoveryToken(await registered());
    for (const method of ["GET", "HEAD"]) {
      const page = await call(method, `/reset-password?token=${token}`);
      expect(page.status).toBe(200);
      expect(page.headers.get("Content-Security-Policy")).not.toContain("unsafe");
    }
    expect((await resetPassword(token)).status).toBe(204);
  });
});
