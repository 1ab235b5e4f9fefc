import { describe, expect, it, vi } from "vitest";
import { runCronTasks } from "../../src/cron-tasks.ts";
import {
  changePassword,
  expectEnded,
  forgotPassword,
  logInByLink,
  loginLink,
  NEW_PASSWORD,
  readMe,
  register,
  resetPassword,
  tryLogin,
  verifyEmail,
} from "../support/account.ts";
import { altered } from "../support/altered.ts";
import { atOnce, call, expectProblem, post } from "../support/client.ts";
import { countRows } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  mailAbout,
  mailedToken,
  mailsTo,
  newPerson,
  type Person,
  registered,
  rowOf,
  tokenAbout,
  withStanding,
} from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { appInterrupted } from "../support/slow-database.ts";

const CHANGE = "/api/v1/users/me/email";
const CONFIRM = "/api/v1/auth/confirm-email";
const UNDO = "/api/v1/auth/undo-email-change";
const DAY = 86_400_000;

const ask = (person: LoggedIn, email: string, password = person.password) =>
  post(CHANGE, { email, password }, { bearer: person.accessToken });

const confirmToken = (email: string) => tokenAbout(email, /Confirm your new email address/);
const earlyUndoToken = (email: string) => tokenAbout(email, /email address is about to change/);
const lateUndoToken = (email: string) => tokenAbout(email, /email address has been changed/);

/** Registers and verifies an address that has had emails with links before. */
async function registerAgain(person: Person): Promise<void> {
  const verifications = async () => (await mailsTo(person.email)).filter(({ subject }) => /^Verify/.test(subject));
  const before = (await verifications()).length;
  await register(person);
  await eventually(async () => expect(await verifications()).toHaveLength(before + 1));
  expect((await verifyEmail(await tokenAbout(person.email, /^Verify/))).status).toBe(200);
}

/** A user who has requested a change of address, and the token that confirms it. */
async function asked() {
  const person = await loggedIn();
  const { email } = newPerson();
  expect((await ask(person, email)).status).toBe(202);
  return { person, email, token: await confirmToken(email) };
}

const confirm = (token: string) => post(CONFIRM, { token });
const undo = (token: string) => post(UNDO, { token });

/** A user whose address was changed, with both addresses. */
async function moved() {
  const { person, email, token } = await asked();
  expect((await confirm(token)).json).toEqual({ status: "confirmed" });
  return { person, oldEmail: person.email, newEmail: email, token };
}

describe("POST /api/v1/users/me/email", () => {
  it("changes nothing until the link that went to the new address is used [PR-3, PR-6]", async () => {
    const person = await loggedIn();
    const { email } = newPerson();
    expect((await forgotPassword(person.email)).status).toBe(202);
    const recovery = await tokenAbout(person.email, /^Reset your Postern password/);
    const answer = await ask(person, email);
    expect(answer.status).toBe(202);
    expect(answer.json).toEqual({ status: "confirmation_required" });
    expect(answer.headers.get("RateLimit")).toContain("mailPerRecipient");
    const token = await confirmToken(email);
    await earlyUndoToken(person.email);
    expect((await readMe(person.accessToken)).json.email).toBe(person.email);
    await logIn(person);
    expectProblem(await tryLogin({ ...person, email }), 401, "invalid_credentials");

    expect((await confirm(token)).json).toEqual({ status: "confirmed" });
    expect((await readMe(person.accessToken)).json).toMatchObject({ email, is_verified: true });
    expectProblem(await tryLogin(person), 401, "invalid_credentials");
    await logIn({ ...person, email });
    await eventsOf(person.userId, "email_change_requested");
    await eventsOf(person.userId, "email_changed");
    await mailAbout(person.email, /^Your Postern email address has been changed/);
    expectProblem(await resetPassword(recovery), 400, "invalid_token");
  });

  it("needs the password, and limits guesses at it [PR-6]", async () => {
    const person = await loggedIn();
    for (let guess = 0; guess < 10; guess++) {
      expectProblem(await ask(person, newPerson().email, `guess number ${guess}`), 403, "wrong_password");
    }
    expectProblem(await ask(person, newPerson().email), 429, "rate_limited");
    const { email } = newPerson();
    expectProblem(await post(CHANGE, { email }, { bearer: person.accessToken }), 422, "validation_failed");
    expectProblem(await post(CHANGE, { email: "a@example.com", password: "x" }), 401, "unauthorized");
  });

  it.each([
    ["no address", "nonsense", "invalid_format"],
    ["their own address", "", "unchanged"],
  ])("refuses %s", async (_, email, code) => {
    const person = await loggedIn();
    const answer = await ask(person, email || person.email.toUpperCase());
    expectProblem(answer, 422, "validation_failed");
    expect(answer.json.errors[0]).toMatchObject({ field: "email", code });
  });

  it("gives the same response for an address that has an account, and tells only that address", async () => {
    const person = await loggedIn();
    const owner = await registered();
    const answer = await ask(person, owner.email);
    expect(answer.status).toBe(202);
    expect(answer.json).toEqual({ status: "confirmation_required" });
    const mail = await mailAbout(owner.email, /already has an account/);
    expect(mail.text).not.toMatch(/token=/);
    expect(mail.text).not.toContain(person.email);
    const told = await mailAbout(person.email, /email address is about to change/);
    expect(told.text).not.toContain(owner.email);
  });

  it("emails one address three times an hour at most, for all users together", async () => {
    const { email } = newPerson();
    for (let turn = 0; turn < 3; turn++) expect((await ask(await loggedIn(), email)).status).toBe(202);
    expectProblem(await ask(await loggedIn(), email), 429, "rate_limited");
  });

  it("is refused where the password changes while the one that was typed is checked", async () => {
    const person = await loggedIn();
    const other = await logIn(person);
    const { email } = newPerson();
    const send = appInterrupted("insert into `email_changes`", async () => {
      expect((await changePassword(other)).status).toBe(204);
    });
    const body = { email, password: person.password };
    const answer = await post(CHANGE, body, { bearer: person.accessToken }, send);
    expectProblem(answer, 401, "invalid_access_token");
    expect(await coldIsolate().emailChanges.listOf(person.userId)).toEqual([]);
  });

  it("lets a newer wish take the place of an older one", async () => {
    const person = await loggedIn();
    const [first, second] = [newPerson().email, newPerson().email];
    await ask(person, first);
    const older = await confirmToken(first);
    await ask(person, second);
    const newer = await confirmToken(second);
    expectProblem(await confirm(older), 400, "invalid_token");
    expect((await confirm(newer)).status).toBe(200);
    expect((await rowOf(second))?.id).toBe(person.userId);
  });
});

describe("mails about changes of one account", () => {
  it("go to its address three times an hour at most", async () => {
    const person = await loggedIn();
    for (let turn = 0; turn < 3; turn++) expect((await ask(person, newPerson().email)).status).toBe(202);
    expectProblem(await ask(person, newPerson().email), 429, "rate_limited");
  });
});

describe("POST /api/v1/auth/confirm-email", () => {
  it("gives the same response when the link is used again, and sends the notice once", async () => {
    const { oldEmail, token } = await moved();
    await lateUndoToken(oldEmail);
    expect((await confirm(token)).json).toEqual({ status: "confirmed" });
    const notices = (await mailsTo(oldEmail)).filter(({ subject }) => /has been changed/.test(subject));
    expect(notices).toHaveLength(1);
  });

  it("changes the address exactly once when the link is used many times at once", async () => {
    const { person, token } = await asked();
    const answers = await atOnce(6, () => confirm(token));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await lateUndoToken(person.email);
    const notices = (await mailsTo(person.email)).filter(({ subject }) => /has been changed/.test(subject));
    expect(notices).toHaveLength(1);
  });

  it("refuses a link that a change of the password has overtaken", async () => {
    const { person, email, token } = await asked();
    await changePassword(person);
    expectProblem(await confirm(token), 400, "invalid_token");
    expect(await rowOf(email)).toBeNull();
  });

  it("refuses a forged link, one of another purpose, and one that is a day old", async () => {
    const { person, token } = await asked();
    expectProblem(await confirm(await earlyUndoToken(person.email)), 400, "invalid_token");
    expectProblem(await undo(token), 400, "invalid_token");
    expectProblem(await confirm(altered(token)), 400, "invalid_token");
    vi.setSystemTime(Date.now() + DAY);
    expectProblem(await confirm(token), 400, "expired_token");
  });

  it("refuses an address that another user has verified in the meantime", async () => {
    const person = await loggedIn();
    const stranger = newPerson();
    await ask(person, stranger.email);
    const token = await confirmToken(stranger.email);
    await registerAgain(stranger);
    expectProblem(await confirm(token), 409, "email_taken");
    expect((await rowOf(person.email))?.id).toBe(person.userId);
  });

  it("lets one of two win who claim an address at once", async () => {
    const people = [await loggedIn(), await loggedIn()];
    const { email } = newPerson();
    const tokens: string[] = [];
    for (const person of people) {
      await ask(person, email);
      await mailsTo(email, tokens.length + 1);
      tokens.push(await confirmToken(email));
    }
    const answers = await Promise.all(tokens.map((token) => confirm(token)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  });

  it("replaces an unverified registration, whose link stops working", async () => {
    const squatter = newPerson();
    await register(squatter);
    const squattersToken = await mailedToken(squatter.email);
    const person = await loggedIn();
    await ask(person, squatter.email);
    expect((await confirm(await confirmToken(squatter.email))).status).toBe(200);
    expect((await rowOf(squatter.email))?.id).toBe(person.userId);
    expectProblem(await verifyEmail(squattersToken), 400, "invalid_token");
    // The same answer as for every waiting registration, so it does not reveal whether the address has an account.
    expectProblem(await tryLogin(squatter), 403, "email_not_verified");
  });

  it("does not push out an account that an operator set to unverified", async () => {
    const owner = await registered();
    const admin = await withStanding("admin");
    const id = (await rowOf(owner.email))?.id;
    await call("PATCH", `/api/v1/users/${id}`, { bearer: admin.accessToken, body: { is_verified: false } });
    const person = await loggedIn();
    await ask(person, owner.email);
    expectProblem(await confirm(await confirmToken(owner.email)), 409, "email_taken");
    expect((await rowOf(owner.email))?.id).toBe(id);
  });
});

describe("POST /api/v1/auth/undo-email-change", () => {
  it("gives an address that the account only passed through no say, once it is back where it was", async () => {
    const { person, oldEmail, newEmail: thief } = await moved();
    const start = Date.now();
    const early = await earlyUndoToken(oldEmail);
    vi.setSystemTime(start + 4 * DAY);
    const back = await logIn({ ...person, email: thief });
    await ask(back, oldEmail);
    const confirmBack = await confirmToken(oldEmail);
    expect((await confirm(confirmBack)).json).toEqual({ status: "confirmed" });
    const thiefs = await earlyUndoToken(thief);
    vi.setSystemTime(start + 10 * DAY);
    for (const token of [thiefs, early]) await undo(token);
    expectProblem(await undo(thiefs), 400, "invalid_token");
    expect((await rowOf(oldEmail))?.id, "the address stays the owner's").toBe(person.userId);
    expect(await rowOf(thief)).toBeNull();
    await logIn({ ...person, email: oldEmail });
    vi.setSystemTime(start + 4 * DAY + 60_000);
    expect((await confirm(confirmBack)).json, "the same link again").toEqual({ status: "confirmed" });
    expect((await mailsTo(thief)).some(({ subject }) => /has been changed/.test(subject))).toBe(false);
  });

  it.each(["a new password", "another change", "another change, and confirms it"])(
    "works from the first notice after an attacker's deed: %s",
    async (deed) => {
      const owner = await loggedIn();
      await ask(owner, newPerson().email);
      const token = await earlyUndoToken(owner.email);
      if (deed === "a new password") await changePassword(owner);
      else {
        const other = newPerson().email;
        await ask(owner, other);
        if (deed !== "another change") expect((await confirm(await confirmToken(other))).status).toBe(200);
      }
      expect((await undo(token)).json).toEqual({ status: "undone" });
      expect((await rowOf(owner.email))?.id).toBe(owner.userId);
      expect((await readMe(owner.accessToken)).status).toBe(401);
      await tokenAbout(owner.email, /Reset your Postern password/);
    },
  );

  it("mails the reset link a few times, not for every use", async () => {
    const { oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    for (let use = 0; use < 8; use++) expect((await undo(token)).status).toBe(200);
    await post("/api/v1/auth/resend-verification", { email: oldEmail });
    const resets = async () =>
      (await mailsTo(oldEmail)).filter(({ subject }) => /Reset your Postern password/.test(subject));
    await eventually(async () => expect(await resets()).toHaveLength(3));
  });

  it("gives the old address back, ends every session, and leaves a password that opens nothing", async () => {
    const { person, oldEmail, newEmail } = await moved();
    const thief = await logIn({ ...person, email: newEmail });
    const token = await lateUndoToken(oldEmail);
    expect((await undo(token)).json).toEqual({ status: "undone" });
    for (const session of [person, thief]) await expectEnded(session);
    for (const email of [oldEmail, newEmail]) {
      expectProblem(await tryLogin({ ...person, email }), 401, "invalid_credentials");
    }
    const reset = await tokenAbout(oldEmail, /Reset your Postern password/);
    expect((await resetPassword(reset)).status).toBe(204);
    await logIn({ ...person, email: oldEmail, password: NEW_PASSWORD });
    await eventsOf(person.userId, "email_change_undone");
  });

  it("works from the first notice too, before the new address is confirmed, which then it can't be", async () => {
    const { person, token } = await asked();
    expect((await undo(await earlyUndoToken(person.email))).json).toEqual({ status: "undone" });
    expectProblem(await confirm(token), 400, "invalid_token");
    expect((await readMe(person.accessToken)).status).toBe(401);
    await tokenAbout(person.email, /Reset your Postern password/);
  });

  it("works from the first notice after the change, when the second never came", async () => {
    const { person, oldEmail } = await moved();
    const token = await earlyUndoToken(oldEmail);
    expect((await undo(token)).status).toBe(200);
    expect((await rowOf(oldEmail))?.id).toBe(person.userId);
  });

  it("undoes every later change with it, and no link of theirs brings a thief back", async () => {
    const { person, oldEmail, newEmail } = await moved();
    const owners = await lateUndoToken(oldEmail);
    const third = newPerson().email;
    await ask({ ...person, email: newEmail }, third);
    await confirm(await confirmToken(third));
    const thiefs = await lateUndoToken(newEmail);
    await changePassword(person);

    expect((await undo(owners)).status).toBe(200);
    expect((await rowOf(oldEmail))?.id).toBe(person.userId);
    await undo(thiefs);
    expect((await rowOf(oldEmail))?.id, "the address stays the owner's").toBe(person.userId);
    expect(await rowOf(newEmail)).toBeNull();
    expect(await rowOf(third)).toBeNull();
  });

  it("gives the same response when the link is used again, and changes nothing", async () => {
    const { person, oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    await undo(token);
    await resetPassword(await tokenAbout(oldEmail, /Reset your Postern password/));
    const back = await logIn({ ...person, email: oldEmail, password: NEW_PASSWORD });
    expect((await undo(token)).json).toEqual({ status: "undone" });
    expect((await readMe(back.accessToken)).status).toBe(200);
    const answers = await atOnce(4, () => undo(token));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it("works once of two uses at once, in its effect", async () => {
    const { person, oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    const answers = await atOnce(5, () => undo(token));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect((await rowOf(oldEmail))?.session_epoch).toBe(1);
    await eventsOf(person.userId, "email_change_undone");
  });

  it("refuses an old address that another user has verified in the meantime", async () => {
    const { oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    await registerAgain({ ...newPerson(), email: oldEmail });
    expectProblem(await undo(token), 409, "email_taken");
  });

  it("undoes once: the same link again leaves later changes alone, even if the user has set no password since", async () => {
    const { person } = await asked();
    const token = await earlyUndoToken(person.email);
    expect((await undo(token)).json).toEqual({ status: "undone" });
    const { token: link, code } = await loginLink(person);
    const bearer = (await logInByLink({ token: link, code })).json.access_token;
    const { email } = newPerson();
    expect((await post(CHANGE, { email }, { bearer })).status).toBe(202);
    const confirmation = await confirmToken(email);
    expect((await undo(token)).json).toEqual({ status: "undone" });
    expect((await confirm(confirmation)).json).toEqual({ status: "confirmed" });
  });

  it("ends after its days, and what can't be undone any more is kept no longer", async () => {
    const { person, oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    const count = () => countRows("email_changes", "user_id", person.userId);
    await runCronTasks(coldIsolate());
    expect(await count()).toBe(1);
    vi.setSystemTime(Date.now() + 7 * DAY + 1_000);
    expectProblem(await undo(token), 400, "expired_token");
    vi.setSystemTime(Date.now() + DAY);
    await runCronTasks(coldIsolate());
    expect(await count()).toBe(0);
  });
});
