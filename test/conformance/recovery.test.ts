/** Forgotten passwords and changes of address (docs/conformance.md, H). */
import { describe, expect, it, vi } from "vitest";
import { expectProblem, freshAddress, get, post } from "../support/client.ts";
import { recordLogs } from "../support/logs.ts";
import { type LoggedIn, loggedIn, logIn, mailsTo, registered, somebody } from "../support/people.ts";
import { mailAbout, tokenAbout } from "./mails.ts";
import { shown } from "./shown.ts";

const FORGOT = "/api/v1/auth/forgot-password";
const RESET = "/api/v1/auth/reset-password";
const CHANGE_EMAIL = "/api/v1/users/me/email";
const NEW = "another fine password of hers";
const RESET_MAIL = /^Reset your Postern password/;

const forgot = (email: string) => post(FORGOT, { email });
const reset = (token: string, new_password = NEW) => post(RESET, { token, new_password });
const login = (email: string, password: string) => post("/api/v1/auth/login", { email, password });

async function resetToken(email: string, count = 1): Promise<string> {
  expect((await forgot(email)).status).toBe(202);
  return tokenAbout(email, RESET_MAIL, count);
}

describe("a forgotten password", () => {
  it("PR-1: is asked about alike for any address, for the same work, and changes nothing until the link is used", async () => {
    const person = await loggedIn();
    const logs = recordLogs();
    const [known, unknown] = [await forgot(person.email), await forgot(somebody().email)];
    expect(known.status).toBe(202);
    expect(shown(unknown)).toEqual(shown(known));
    // The cause of equal times; the times themselves: test/node/live-timing.test.ts.
    const work = logs()
      .filter(({ event, route }) => event === "request" && route === FORGOT)
      .map(({ hops, storage_calls }) => ({ hops, storage_calls }));
    expect(work).toHaveLength(2);
    expect(work[0]).toEqual(work[1]);
    await mailAbout(person.email, RESET_MAIL);
    await logIn(person);
    expect((await get("/api/v1/users/me", { bearer: person.accessToken })).status).toBe(200);
  });

  it("PR-2: is mailed three times an hour to an address; the fourth wish is refused, known address or not", async () => {
    const { email } = await registered();
    for (const address of [email, somebody().email]) {
      for (let time = 0; time < 3; time++) expect((await forgot(address)).status).toBe(202);
      expectProblem(await forgot(address), 429, "rate_limited");
    }
    await mailAbout(email, RESET_MAIL, 3);
    const mails = (await mailsTo(email)).filter(({ subject }) => RESET_MAIL.test(subject));
    expect(mails).toHaveLength(3);
  });

  it("PR-3: is reset by a link that works once, within the hour, and dies with a newer password or address", async () => {
    const used = await registered();
    const token = await resetToken(used.email);
    expect((await reset(token)).status).toBe(204);
    expectProblem(await reset(token), 400, "invalid_token");

    const changed = await loggedIn();
    const superseded = await resetToken(changed.email);
    const body = { current_password: changed.password, new_password: NEW };
    await post("/api/v1/users/change-password", body, { bearer: changed.accessToken });
    expectProblem(await reset(superseded), 400, "invalid_token");

    const moved = await loggedIn();
    const old = await resetToken(moved.email);
    const { email } = somebody();
    await post(CHANGE_EMAIL, { email, password: moved.password }, { bearer: moved.accessToken });
    const confirmation = await tokenAbout(email, /^Confirm/);
    expect((await post("/api/v1/auth/confirm-email", { token: confirmation })).status).toBe(200);
    expectProblem(await reset(old), 400, "invalid_token");

    const mangled = `${superseded.slice(0, -6)}AAAAAA`;
    for (const forged of ["AAAA", mangled, superseded.slice(4)]) {
      expectProblem(await reset(forged), 400, "invalid_token");
    }
    const late = await resetToken((await registered()).email);
    vi.setSystemTime(Date.now() + 3_600_000 + 1_000);
    expectProblem(await reset(late), 400, "expired_token");
  });

  it("PR-4: is reset without logging anybody in; every session ends, and a notice goes out that holds no password", async () => {
    const person = await loggedIn();
    const answer = await reset(await resetToken(person.email));
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 204, text: "" });
    expect(answer.headers.get("Set-Cookie")).toBeNull();
    const refreshed = await post("/api/v1/auth/refresh", { refresh_token: person.refreshToken });
    expectProblem(refreshed, 401, "invalid_refresh_token");
    expectProblem(await get("/api/v1/users/me", { bearer: person.accessToken }), 401, "invalid_access_token");
    const { text, html } = await mailAbout(person.email, /^Your Postern password has been changed/);
    for (const secret of [NEW, person.password, "#token="]) expect(text + html).not.toContain(secret);
    expectProblem(await login(person.email, person.password), 401, "invalid_credentials");
    await logIn({ ...person, password: NEW });
  });

  it("PR-5: limits how many links are tried from one address, and a weak password leaves the link as good as it was", async () => {
    const address = freshAddress();
    const statuses: number[] = [];
    for (let attempt = 0; attempt <= 20; attempt++) {
      statuses.push((await post(RESET, { token: "AAAA", new_password: NEW }, { address })).status);
    }
    expect(statuses).toEqual([...Array(20).fill(400), 429]);
    const token = await resetToken((await registered()).email);
    expectProblem(await reset(token, "fourteen chars"), 422, "validation_failed");
    expect((await reset(token)).status).toBe(204);
  });
});

describe("a change of address", () => {
  const ask = (person: LoggedIn, body: object) => post(CHANGE_EMAIL, body, { bearer: person.accessToken });

  it("PR-6: takes the password and the new address's consent, tells the old one, and ends the links to it", async () => {
    const person = await loggedIn();
    const { email } = somebody();
    expectProblem(await ask(person, { email }), 422, "validation_failed");
    expectProblem(await ask(person, { email, password: "a wrong password, surely" }), 403, "wrong_password");
    const recovery = await resetToken(person.email);
    expect((await ask(person, { email, password: person.password })).status).toBe(202);
    await mailAbout(person.email, /^Your Postern email address is about to change/);

    await logIn(person);
    expectProblem(await login(email, person.password), 401, "invalid_credentials");
    const token = await tokenAbout(email, /^Confirm your new email address/);
    expect((await post("/api/v1/auth/confirm-email", { token })).status).toBe(200);
    await mailAbout(person.email, /^Your Postern email address has been changed/);
    await logIn({ ...person, email });
    expectProblem(await login(person.email, person.password), 401, "invalid_credentials");
    expectProblem(await reset(recovery), 400, "invalid_token");
  });
});
