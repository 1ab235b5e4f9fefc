import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { runMaintenance } from "../../src/maintenance.ts";
import { call, expectProblem, get, post } from "../support/client.ts";
import { neverLog } from "../support/logs.ts";
import {
  eventsOf,
  type LoggedIn,
  loggedIn,
  logIn,
  type Mail,
  mailsTo,
  type Person,
  registered,
  rowOf,
  somebody,
  withStanding,
} from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { appInterrupted } from "../support/slow-database.ts";

const CHANGE = "/api/v1/users/me/email";
const CONFIRM = "/api/v1/auth/confirm-email";
const UNDO = "/api/v1/auth/undo-email-change";
const DAY = 86_400_000;

async function ask(person: LoggedIn, email: string, password = person.password) {
  return post(CHANGE, { email, password }, { bearer: person.accessToken });
}

/** The token of a mail whose subject is this. */
async function tokenIn(email: string, subject: RegExp): Promise<string> {
  const mail = await mailAbout(email, subject);
  const token = /#token=([\w-]+)/.exec(mail.text)?.[1] ?? "";
  neverLog(token);
  return token;
}

async function mailAbout(email: string, subject: RegExp): Promise<Mail> {
  return vi.waitFor(
    async () => {
      const found = (await mailsTo(email)).find((mail) => subject.test(mail.subject));
      if (found === undefined) throw new Error(`no mail to ${email} about ${subject}`);
      return found;
    },
    { timeout: 10_000, interval: 50 },
  );
}

const confirmToken = (email: string) => tokenIn(email, /Confirm your new email address/);
const earlyUndoToken = (email: string) => tokenIn(email, /email address is about to change/);
const lateUndoToken = (email: string) => tokenIn(email, /email address has been changed/);

/** Registers and verifies somebody at an address that has had mails with links before. */
async function registerAnew(person: Person): Promise<void> {
  const verifications = async () => (await mailsTo(person.email)).filter(({ subject }) => /^Verify/.test(subject));
  const before = (await verifications()).length;
  await post("/api/v1/auth/register", person);
  const [mail] = await vi.waitFor(
    async () => {
      const mails = await verifications();
      expect(mails).toHaveLength(before + 1);
      return mails;
    },
    { timeout: 10_000, interval: 50 },
  );
  const token = /#token=([\w-]+)/.exec(mail?.text ?? "")?.[1];
  neverLog(token);
  expect((await post("/api/v1/auth/verify-email", { token })).status).toBe(200);
}

/** Somebody whose address was changed, with both addresses. */
async function moved() {
  const person = await loggedIn();
  const { email } = somebody();
  expect((await ask(person, email)).status).toBe(202);
  const token = await confirmToken(email);
  expect((await post(CONFIRM, { token })).json).toEqual({ status: "confirmed" });
  return { person, oldEmail: person.email, newEmail: email, token };
}

describe("POST /api/v1/users/me/email", () => {
  it("changes nothing until the link that went to the new address is used [PR-3, PR-6]", async () => {
    const person = await loggedIn();
    const { email } = somebody();
    expect((await post("/api/v1/auth/forgot-password", { email: person.email })).status).toBe(202);
    const recovery = await tokenIn(person.email, /^Reset your Postern password/);
    const answer = await ask(person, email);
    expect(answer.status).toBe(202);
    expect(answer.json).toEqual({ status: "confirmation_required" });
    expect(answer.headers.get("RateLimit")).toContain("mailPerRecipient");
    const token = await confirmToken(email);
    await earlyUndoToken(person.email);
    expect((await get("/api/v1/users/me", { bearer: person.accessToken })).json.email).toBe(person.email);
    await logIn(person);
    const early = { email, password: person.password };
    expectProblem(await post("/api/v1/auth/login", early), 401, "invalid_credentials");

    expect((await post(CONFIRM, { token })).json).toEqual({ status: "confirmed" });
    expect((await get("/api/v1/users/me", { bearer: person.accessToken })).json).toMatchObject({
      email,
      is_verified: true,
    });
    const login = { email: person.email, password: person.password };
    expectProblem(await post("/api/v1/auth/login", login), 401, "invalid_credentials");
    await logIn({ ...person, email });
    await eventsOf(person.userId, "email_change_requested");
    await eventsOf(person.userId, "email_changed");
    await mailAbout(person.email, /^Your Postern email address has been changed/);
    const reset = { token: recovery, new_password: "another fine password of hers" };
    expectProblem(await post("/api/v1/auth/reset-password", reset), 400, "invalid_token");
  });

  it("takes the password, and lets nobody guess it [PR-6]", async () => {
    const person = await loggedIn();
    for (let guess = 0; guess < 10; guess++) {
      expectProblem(await ask(person, somebody().email, `guess number ${guess}`), 403, "wrong_password");
    }
    expectProblem(await ask(person, somebody().email), 429, "rate_limited");
    const { email } = somebody();
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

  it("answers alike for an address that has an account, which alone is told", async () => {
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

  it("mails one address three times an hour at most, whoever asks", async () => {
    const { email } = somebody();
    for (let turn = 0; turn < 3; turn++) expect((await ask(await loggedIn(), email)).status).toBe(202);
    expectProblem(await ask(await loggedIn(), email), 429, "rate_limited");
  });

  it("is refused where the password changes while the one that was typed is checked", async () => {
    const person = await loggedIn();
    const other = await logIn(person);
    const { email } = somebody();
    const change = { current_password: person.password, new_password: "another fine password" };
    const send = appInterrupted('insert into "email_changes"', async () => {
      const changed = await post("/api/v1/users/change-password", change, { bearer: other.accessToken });
      expect(changed.status).toBe(204);
    });
    const body = { email, password: person.password };
    const answer = await post(CHANGE, body, { bearer: person.accessToken }, send);
    expectProblem(answer, 401, "invalid_access_token");
    const { emailChanges } = coldIsolate();
    expect(await emailChanges.listOf(person.userId)).toEqual([]);
  });

  it("lets a newer wish take the place of an older one", async () => {
    const person = await loggedIn();
    const [first, second] = [somebody().email, somebody().email];
    await ask(person, first);
    const older = await confirmToken(first);
    await ask(person, second);
    const newer = await confirmToken(second);
    expectProblem(await post(CONFIRM, { token: older }), 400, "invalid_token");
    expect((await post(CONFIRM, { token: newer })).status).toBe(200);
    expect((await rowOf(second))?.id).toBe(person.userId);
  });
});

describe("mails about changes of one account", () => {
  it("go to its address three times an hour at most", async () => {
    const person = await loggedIn();
    for (let turn = 0; turn < 3; turn++) expect((await ask(person, somebody().email)).status).toBe(202);
    expectProblem(await ask(person, somebody().email), 429, "rate_limited");
  });
});

describe("POST /api/v1/auth/confirm-email", () => {
  it("answers the same link again alike, and mails the notice once", async () => {
    const { oldEmail, token } = await moved();
    await lateUndoToken(oldEmail);
    expect((await post(CONFIRM, { token })).json).toEqual({ status: "confirmed" });
    const notices = (await mailsTo(oldEmail)).filter(({ subject }) => /has been changed/.test(subject));
    expect(notices).toHaveLength(1);
  });

  it("changes the address exactly once when the link is used many times at once", async () => {
    const person = await loggedIn();
    const { email } = somebody();
    await ask(person, email);
    const token = await confirmToken(email);
    const answers = await Promise.all(Array.from({ length: 6 }, () => post(CONFIRM, { token })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await lateUndoToken(person.email);
    const notices = (await mailsTo(person.email)).filter(({ subject }) => /has been changed/.test(subject));
    expect(notices).toHaveLength(1);
  });

  it("refuses a link that a change of the password has overtaken", async () => {
    const person = await loggedIn();
    const { email } = somebody();
    await ask(person, email);
    const token = await confirmToken(email);
    const body = { current_password: person.password, new_password: "another fine password" };
    await post("/api/v1/users/change-password", body, { bearer: person.accessToken });
    expectProblem(await post(CONFIRM, { token }), 400, "invalid_token");
    expect(await rowOf(email)).toBeNull();
  });

  it("refuses a forged link, one of another purpose, and one that is a day old", async () => {
    const person = await loggedIn();
    const { email } = somebody();
    await ask(person, email);
    const token = await confirmToken(email);
    const undo = await earlyUndoToken(person.email);
    expectProblem(await post(CONFIRM, { token: undo }), 400, "invalid_token");
    expectProblem(await post(UNDO, { token }), 400, "invalid_token");
    const forged = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
    expectProblem(await post(CONFIRM, { token: forged }), 400, "invalid_token");
    vi.setSystemTime(Date.now() + DAY);
    expectProblem(await post(CONFIRM, { token }), 400, "expired_token");
  });

  it("says so when somebody else has proved the address meanwhile", async () => {
    const person = await loggedIn();
    const stranger = somebody();
    await ask(person, stranger.email);
    const token = await confirmToken(stranger.email);
    await registerAnew(stranger);
    expectProblem(await post(CONFIRM, { token }), 409, "email_taken");
    expect((await rowOf(person.email))?.id).toBe(person.userId);
  });

  it("lets one of two win who claim an address at once", async () => {
    const people = [await loggedIn(), await loggedIn()];
    const { email } = somebody();
    const tokens: string[] = [];
    for (const person of people) {
      await ask(person, email);
      const token = await vi.waitFor(
        async () => {
          const found = (await mailsTo(email)).flatMap(({ text }) => /#token=([\w-]+)/.exec(text)?.[1] ?? []);
          const fresh = found.find((one) => !tokens.includes(one));
          if (fresh === undefined) throw new Error("no mail yet");
          return fresh;
        },
        { timeout: 10_000 },
      );
      tokens.push(token);
    }
    const answers = await Promise.all(tokens.map((token) => post(CONFIRM, { token })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  });

  it("takes the place of a registration that nobody proved, whose link is dead then", async () => {
    const squatter = somebody();
    await post("/api/v1/auth/register", squatter);
    const [mail] = await mailsTo(squatter.email);
    const squattersToken = /#token=([\w-]+)/.exec(mail?.text ?? "")?.[1] ?? "";
    const person = await loggedIn();
    await ask(person, squatter.email);
    expect((await post(CONFIRM, { token: await confirmToken(squatter.email) })).status).toBe(200);
    expect((await rowOf(squatter.email))?.id).toBe(person.userId);
    expectProblem(await post("/api/v1/auth/verify-email", { token: squattersToken }), 400, "invalid_token");
    const login = { email: squatter.email, password: squatter.password };
    // As for every registration that waits: nobody learns by it whether the address has an owner.
    expectProblem(await post("/api/v1/auth/login", login), 403, "email_not_verified");
  });

  it("does not push out an account that an operator set to unverified", async () => {
    const owner = await registered();
    const admin = await withStanding("admin");
    const id = (await rowOf(owner.email))?.id;
    await call("PATCH", `/api/v1/users/${id}`, { bearer: admin.accessToken, body: { is_verified: false } });
    const person = await loggedIn();
    await ask(person, owner.email);
    expectProblem(await post(CONFIRM, { token: await confirmToken(owner.email) }), 409, "email_taken");
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
    expect((await post(CONFIRM, { token: confirmBack })).json).toEqual({ status: "confirmed" });
    const thiefs = await earlyUndoToken(thief);
    vi.setSystemTime(start + 10 * DAY);
    for (const token of [thiefs, early]) await post(UNDO, { token });
    expectProblem(await post(UNDO, { token: thiefs }), 400, "invalid_token");
    expect((await rowOf(oldEmail))?.id, "the address stays the owner's").toBe(person.userId);
    expect(await rowOf(thief)).toBeNull();
    await logIn({ ...person, email: oldEmail });
    vi.setSystemTime(start + 4 * DAY + 60_000);
    expect((await post(CONFIRM, { token: confirmBack })).json, "the same link again").toEqual({ status: "confirmed" });
    expect((await mailsTo(thief)).some(({ subject }) => /has been changed/.test(subject))).toBe(false);
  });

  it.each(["a new password", "another change", "another change, and confirms it"])(
    "works from the first notice whatever a thief does: %s",
    async (deed) => {
      const owner = await loggedIn();
      await ask(owner, somebody().email);
      const token = await earlyUndoToken(owner.email);
      const change = { current_password: owner.password, new_password: "a password of the thief" };
      if (deed === "a new password") {
        await post("/api/v1/users/change-password", change, { bearer: owner.accessToken });
      } else {
        const other = somebody().email;
        await ask(owner, other);
        if (deed !== "another change")
          expect((await post(CONFIRM, { token: await confirmToken(other) })).status).toBe(200);
      }
      expect((await post(UNDO, { token })).json).toEqual({ status: "undone" });
      expect((await rowOf(owner.email))?.id).toBe(owner.userId);
      expect((await get("/api/v1/users/me", { bearer: owner.accessToken })).status).toBe(401);
      await tokenIn(owner.email, /Reset your Postern password/);
    },
  );

  it("mails the reset link a few times, not for every use", async () => {
    const { oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    for (let use = 0; use < 8; use++) expect((await post(UNDO, { token })).status).toBe(200);
    await post("/api/v1/auth/resend-verification", { email: oldEmail });
    const resets = async () =>
      (await mailsTo(oldEmail)).filter(({ subject }) => /Reset your Postern password/.test(subject));
    await vi.waitFor(async () => expect(await resets()).toHaveLength(3), 10_000);
  });

  it("gives the old address back, ends every session, and leaves a password that opens nothing", async () => {
    const { person, oldEmail, newEmail } = await moved();
    const thief = await logIn({ ...person, email: newEmail });
    const token = await lateUndoToken(oldEmail);
    expect((await post(UNDO, { token })).json).toEqual({ status: "undone" });
    for (const { accessToken, refreshToken } of [person, thief]) {
      expect((await get("/api/v1/users/me", { bearer: accessToken })).status).toBe(401);
      expect((await post("/api/v1/auth/refresh", { refresh_token: refreshToken })).status).toBe(401);
    }
    for (const email of [oldEmail, newEmail]) {
      const login = { email, password: person.password };
      expectProblem(await post("/api/v1/auth/login", login), 401, "invalid_credentials");
    }
    const reset = await tokenIn(oldEmail, /Reset your Postern password/);
    const body = { token: reset, new_password: "another fine password" };
    expect((await post("/api/v1/auth/reset-password", body)).status).toBe(204);
    await logIn({ ...person, email: oldEmail, password: "another fine password" });
    await eventsOf(person.userId, "email_change_undone");
  });

  it("works from the first notice too, before the new address is confirmed, which then it can't be", async () => {
    const person = await loggedIn();
    const { email } = somebody();
    await ask(person, email);
    const [confirm, undo] = [await confirmToken(email), await earlyUndoToken(person.email)];
    expect((await post(UNDO, { token: undo })).json).toEqual({ status: "undone" });
    expectProblem(await post(CONFIRM, { token: confirm }), 400, "invalid_token");
    expect((await get("/api/v1/users/me", { bearer: person.accessToken })).status).toBe(401);
    await tokenIn(person.email, /Reset your Postern password/);
  });

  it("works from the first notice after the change, when the second never came", async () => {
    const { person, oldEmail } = await moved();
    const token = await earlyUndoToken(oldEmail);
    expect((await post(UNDO, { token })).status).toBe(200);
    expect((await rowOf(oldEmail))?.id).toBe(person.userId);
  });

  it("undoes every later change with it, and no link of theirs brings a thief back", async () => {
    const { person, oldEmail, newEmail } = await moved();
    const owners = await lateUndoToken(oldEmail);
    const third = somebody().email;
    await ask({ ...person, email: newEmail }, third);
    await post(CONFIRM, { token: await confirmToken(third) });
    const thiefs = await lateUndoToken(newEmail);
    const reset = { current_password: person.password, new_password: "a password of the thief" };
    await post("/api/v1/users/change-password", reset, { bearer: person.accessToken });

    expect((await post(UNDO, { token: owners })).status).toBe(200);
    expect((await rowOf(oldEmail))?.id).toBe(person.userId);
    await post(UNDO, { token: thiefs });
    expect((await rowOf(oldEmail))?.id, "the address stays the owner's").toBe(person.userId);
    expect(await rowOf(newEmail)).toBeNull();
    expect(await rowOf(third)).toBeNull();
  });

  it("answers the same link again alike, and moves nothing", async () => {
    const { person, oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    await post(UNDO, { token });
    const reset = await tokenIn(oldEmail, /Reset your Postern password/);
    await post("/api/v1/auth/reset-password", { token: reset, new_password: "another fine password" });
    const back = await logIn({ ...person, email: oldEmail, password: "another fine password" });
    expect((await post(UNDO, { token })).json).toEqual({ status: "undone" });
    expect((await get("/api/v1/users/me", { bearer: back.accessToken })).status).toBe(200);
    const answers = await Promise.all(Array.from({ length: 4 }, () => post(UNDO, { token })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it("works once of two uses at once, in its effect", async () => {
    const { person, oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(UNDO, { token })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect((await rowOf(oldEmail))?.session_epoch).toBe(1);
    await eventsOf(person.userId, "email_change_undone");
  });

  it("says so when somebody else has the old address by now", async () => {
    const { oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    await registerAnew({ ...somebody(), email: oldEmail });
    expectProblem(await post(UNDO, { token }), 409, "email_taken");
  });

  it("ends after its days, and what can't be undone any more is kept no longer", async () => {
    const { person, oldEmail } = await moved();
    const token = await lateUndoToken(oldEmail);
    const count = () =>
      env.DB.prepare("SELECT count(*) AS count FROM email_changes WHERE user_id = ?").bind(person.userId).first();
    await runMaintenance(coldIsolate());
    expect(await count()).toEqual({ count: 1 });
    vi.setSystemTime(Date.now() + 7 * DAY + 1_000);
    expectProblem(await post(UNDO, { token }), 400, "expired_token");
    vi.setSystemTime(Date.now() + DAY);
    await runMaintenance(coldIsolate());
    expect(await count()).toEqual({ count: 0 });
  });
});
