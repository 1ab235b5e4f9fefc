/** The routes of second factors. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { emailCode } from "../../src/factors/email-code.ts";
import { openFactorKey } from "../../src/factors/factor-key.ts";
import { openPendingLogin, sealEnrolment } from "../../src/factors/pending-login.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { createAuthenticator } from "../support/authenticator.ts";
import { type Answer, expectProblem, get, post } from "../support/client.ts";
import {
  addEmailCodes,
  addTotp,
  codeOf,
  confirmTotp,
  pendingToken,
  secondStep,
  type Totp,
} from "../support/factors.ts";
import type { LoggedIn } from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";
import { superuser, visitor } from "./cast.ts";
import { expectAlive, type Prepare } from "./scenario.ts";

type Holder = Omit<LoggedIn, "answer"> & { totp: Totp; recoveryCodes: string[]; pending: string };

const services = coldIsolate();
const { factors } = services;

/** The fake Turnstile accepts every token. */
const turnstile_token = "a-token-of-turnstile";
const factorsOf = (bearer: string) => get("/api/v1/users/me/factors", { bearer });

const ENROLMENT = "/api/v1/auth/enrolment";
const SITE = { rpId: "localhost", origin: "http://localhost:8787" };
const PASSKEYS = "/api/v1/users/me/factors/passkeys";
const creationOptions = async (bearer: string) => (await post(`${PASSKEYS}/options`, undefined, { bearer })).json;

const tokensOf = ({ json }: Answer) => ({ accessToken: json.access_token, refreshToken: json.refresh_token });

/** In milliseconds: the length of a step, and how much must be left of a step to send the code of the previous one. */
const STEP = 30_000;
const ENOUGH = 2_000;

/** The service accepts the codes of three steps in a row. These tests confirm apps with the code of the first step. */
const CONFIRMED = -1;
const UNUSED = 0;
const LATER = 1;

/** A user with an authenticator app (recorded in D1) and a session at the app's level. One login waits for the app. */
async function holder(): Promise<Holder> {
  const person = await visitor();
  const { id, secret } = (await addTotp(person.accessToken)).json;
  const left = STEP - (Date.now() % STEP);
  if (left < ENOUGH) await scheduler.wait(left);
  const confirmed = await confirmTotp(person.accessToken, await codeOf(secret, CONFIRMED));
  expect(confirmed.status, confirmed.text).toBe(200);
  await runDurableObjectAlarm(env.USER_SESSIONS.getByName(person.userId));
  const [recovery_code, ...recoveryCodes] = confirmed.json.recovery_codes;
  const answer = await secondStep(await pendingToken(person, { turnstile_token }), { recovery_code });
  expect(answer.status, answer.text).toBe(200);
  const pending = await pendingToken(person, { turnstile_token });
  const { session_id: sessionId } = answer.json;
  return { ...person, ...tokensOf(answer), sessionId, totp: { id, secret }, recoveryCodes, pending };
}

/** A user who gets codes by email. One login waits for its code. */
async function mailbox(): Promise<Omit<LoggedIn, "answer"> & { pending: string; email_code: string }> {
  const person = await visitor();
  expect((await addEmailCodes(person.accessToken)).status).toBe(201);
  await runDurableObjectAlarm(env.USER_SESSIONS.getByName(person.userId));
  const pending = await pendingToken(person, { turnstile_token });
  const [login, user] = await Promise.all([openPendingLogin(pending, services), services.users.find(person.userId)]);
  const key = await openFactorKey(person.userId, user?.factorKey ?? "", services.secrets);
  return { ...person, pending, email_code: emailCode(login?.id ?? "", createSecrets(key ?? "")) };
}

const TRUSTED = "/api/v1/users/me/trusted-devices";
const trustedBy = async (bearer: string) => (await get(TRUSTED, { bearer })).json.items;

/** A user who trusts a device. */
async function truster(): Promise<Holder & { device: string; trusted_device_token: string }> {
  const person = await holder();
  const [recovery_code] = person.recoveryCodes;
  const { json, text } = await secondStep(person.pending, { recovery_code, trust_device: true });
  expect(json.trusted_device_token, text).toBeDefined();
  return { ...person, device: json.session_id, trusted_device_token: json.trusted_device_token };
}

/** Expects that the token of the user's trusted device has no effect any more. */
async function expectAsked(person: { email: string; password: string; trusted_device_token: string }): Promise<void> {
  const { email, password, trusted_device_token } = person;
  const answer = await post("/api/v1/auth/login", { email, password, trusted_device_token, turnstile_token });
  expectProblem(answer, 403, "second_factor_required");
}

/** A login that waits until its user has set up a second factor. */
function enrolmentOf({ userId }: Pick<Holder, "userId">): Promise<string> {
  const login = { userId, by: "password" as const, epoch: 0, deviceName: null, cookie: false, isAnnounced: false };
  return sealEnrolment(login, 900_000, services);
}

/** Whether the code of a user was spent. */
const hasUsed =
  ({ userId, totp }: Holder, since: number) =>
  async () => {
    const { items } = await factors.list(userId);
    return items.some(({ id, lastUsedAt }) => id === totp.id && (lastUsedAt ?? 0) > since);
  };

/** Expects that the user can log in with the next code, whether or not the previous code was used. */
async function expectSecondLogin(person: Pick<Holder, "email" | "username" | "password" | "totp">): Promise<void> {
  const answer = await secondStep(await pendingToken(person, { turnstile_token }), {
    totp: await codeOf(person.totp.secret, LATER),
  });
  expect(answer.status, answer.text).toBe(200);
  await expectAlive(tokensOf(answer));
}

export const FACTORS: Record<string, Prepare> = {
  async "login without the second factor"() {
    const person = await holder();
    const { email, password, userId } = person;
    return {
      ...{ method: "POST", path: "/api/v1/auth/login", refusal: "second_factor_required" },
      body: { email, password, turnstile_token },
      userId,
      whenDone: () => expectSecondLogin(person),
    };
  },

  async proveSecondFactor() {
    const person = await holder();
    const isDone = hasUsed(person, Date.now());
    return {
      ...{ method: "POST", path: "/api/v1/auth/second-factor", isCold: true, again: "invalid_pending_token" },
      body: { pending_token: person.pending, totp: await codeOf(person.totp.secret, UNUSED) },
      isDone,
      whenDone: () => expectSecondLogin(person),
    };
  },

  async "proveSecondFactor with trust in the device"() {
    const person = await holder();
    const isDone = hasUsed(person, Date.now());
    const trust = { recovery_code: person.recoveryCodes[1], trust_device: true };
    return {
      ...{ method: "POST", path: "/api/v1/auth/second-factor", isCold: true, again: "invalid_pending_token" },
      body: { pending_token: person.pending, totp: await codeOf(person.totp.secret, UNUSED), trust_device: true },
      isDone,
      whenDone: async () => {
        const answer = await secondStep(await pendingToken(person, { turnstile_token }), trust);
        expect(answer.json.trusted_device_token, answer.text).toBeDefined();
      },
    };
  },

  async "login from a trusted device"() {
    const { email, password, trusted_device_token } = await truster();
    return {
      ...{ method: "POST", path: "/api/v1/auth/login" },
      body: { email, password, trusted_device_token, turnstile_token },
      repeats: true,
    };
  },

  async listTrustedDevices() {
    const { accessToken: bearer, device } = await truster();
    return {
      ...{ method: "GET", path: TRUSTED, bearer },
      whenDone: async () => expect(await trustedBy(bearer)).toMatchObject([{ id: device }]),
    };
  },

  async removeTrustedDevice() {
    const { accessToken: bearer, device, userId, ...person } = await truster();
    return {
      ...{ method: "DELETE", path: `${TRUSTED}/${device}`, bearer, again: "not_found", userId },
      isDone: async () => (await trustedBy(bearer)).length === 0,
      whenDone: () => expectAsked(person),
    };
  },

  async removeTrustedDevices() {
    const { accessToken: bearer, userId, ...person } = await truster();
    return {
      ...{ method: "DELETE", path: TRUSTED, bearer, userId },
      isDone: async () => (await trustedBy(bearer)).length === 0,
      whenDone: () => expectAsked(person),
    };
  },

  async "proveSecondFactor with a wrong code"() {
    const person = await holder();
    return {
      ...{ method: "POST", path: "/api/v1/auth/second-factor", refusal: "invalid_factor" },
      body: { pending_token: person.pending, recovery_code: "aaaa-bbbb-cccc-dddd" },
      userId: person.userId,
      whenDone: () => expectSecondLogin(person),
    };
  },

  async "reauthenticate with the second factor"() {
    const person = await holder();
    return {
      ...{ method: "POST", path: "/api/v1/auth/reauthenticate", bearer: person.accessToken, again: "invalid_factor" },
      body: { totp: await codeOf(person.totp.secret, UNUSED) },
      isDone: hasUsed(person, Date.now()),
      whenDone: async () => {
        const body = { totp: await codeOf(person.totp.secret, LATER) };
        const next = await post("/api/v1/auth/reauthenticate", body, { bearer: person.accessToken });
        expect(next.status, next.text).toBe(200);
        await expectAlive(tokensOf(next));
      },
    };
  },

  async "proveSecondFactor with an emailed code"() {
    const person = await mailbox();
    const { pending: pending_token, email_code } = person;
    return {
      ...{ method: "POST", path: "/api/v1/auth/second-factor", isCold: true, again: "invalid_pending_token" },
      body: { pending_token, email_code },
      isDone: async () => (await factors.list(person.userId)).items.some(({ lastUsedAt }) => lastUsedAt !== null),
      whenDone: () => pendingToken(person, { turnstile_token }),
    };
  },

  async emailSecondFactorCode() {
    const { email_code, ...person } = await mailbox();
    const { pending: pending_token } = person;
    return {
      ...{ method: "POST", path: "/api/v1/auth/second-factor/email", body: { pending_token } },
      mails: ["second_factor_code"],
      whenDone: async () => expect((await secondStep(pending_token, { email_code })).status).toBe(200),
    };
  },

  async addEmailFactor() {
    const { accessToken: bearer, email, password, username } = await visitor();
    return {
      ...{ method: "POST", path: "/api/v1/users/me/factors/email", bearer, again: "email_factor_not_allowed" },
      isDone: async () => (await factorsOf(bearer)).json.items.length === 1,
      // The recovery codes may be lost with the answer. The user can create new ones.
      whenDone: () => pendingToken({ email, password, username }, { turnstile_token }),
    };
  },

  async listFactors() {
    const { accessToken: bearer } = await visitor();
    return { method: "GET", path: "/api/v1/users/me/factors", bearer };
  },

  async addTotp() {
    const { accessToken: bearer } = await visitor();
    return {
      ...{ method: "POST", path: "/api/v1/users/me/factors/totp", bearer },
      // An unconfirmed app is replaced by the next one, and no login asks for it.
      whenDone: async () => expect((await factorsOf(bearer)).json.items).toEqual([]),
    };
  },

  async confirmTotp() {
    const { accessToken: bearer } = await visitor();
    const { id, secret } = (await addTotp(bearer)).json;
    return {
      ...{ method: "POST", path: "/api/v1/users/me/factors/totp/confirm", bearer, again: "reauthentication_required" },
      body: { code: await codeOf(secret, UNUSED) },
      isDone: async () => (await factorsOf(bearer)).json.items.length === 1,
      whenDone: async () => expect((await factorsOf(bearer)).json.items).toMatchObject([{ id, kind: "totp" }]),
    };
  },

  async enrolTotp() {
    return { method: "POST", path: `${ENROLMENT}/totp`, body: { enrolment_token: await enrolmentOf(await visitor()) } };
  },

  async confirmEnrolledTotp() {
    const person = await visitor();
    const enrolment_token = await enrolmentOf(person);
    const { id, secret } = (await post(`${ENROLMENT}/totp`, { enrolment_token })).json;
    return {
      ...{ method: "POST", path: `${ENROLMENT}/totp/confirm`, isCold: true, again: "invalid_enrolment_token" },
      body: { enrolment_token, code: await codeOf(secret, UNUSED) },
      isDone: async () => (await factors.list(person.userId)).items.length === 1,
      // The recovery codes may be lost with the answer. The user still has the app, and can create new codes.
      whenDone: () => expectSecondLogin({ ...person, totp: { id, secret } }),
    };
  },

  async readEnrolmentPasskeyOptions() {
    const enrolment_token = await enrolmentOf(await visitor());
    return { method: "POST", path: `${ENROLMENT}/passkey/options`, body: { enrolment_token } };
  },

  async enrolPasskey() {
    const person = await visitor();
    const enrolment_token = await enrolmentOf(person);
    const options = (await post(`${ENROLMENT}/passkey/options`, { enrolment_token })).json;
    const credential = await createAuthenticator(SITE).register(options);
    return {
      ...{ method: "POST", path: `${ENROLMENT}/passkey`, isCold: true, again: "invalid_enrolment_token" },
      body: { enrolment_token, credential },
      isDone: async () => (await factors.list(person.userId)).items.length === 1,
      whenDone: () => pendingToken(person, { turnstile_token }),
    };
  },

  readLoginPasskeyOptions: async () => ({ method: "POST", path: "/api/v1/auth/passkey/options" }),

  async "readLoginPasskeyOptions of a login that waits"() {
    const { pending: pending_token } = await holder();
    return { method: "POST", path: "/api/v1/auth/passkey/options", body: { pending_token } };
  },

  async logInWithPasskey() {
    const person = await visitor();
    const authenticator = createAuthenticator(SITE);
    const body = { credential: await authenticator.register(await creationOptions(person.accessToken)) };
    expect((await post(PASSKEYS, body, { bearer: person.accessToken })).status).toBe(201);
    const use = async () => ({
      credential: await authenticator.authenticate((await post("/api/v1/auth/passkey/options")).json),
    });
    const since = Date.now();
    return {
      ...{ method: "POST", path: "/api/v1/auth/passkey", body: await use(), isCold: true, again: "invalid_passkey" },
      isDone: async () => {
        const { items } = await factors.list(person.userId);
        return (items[0]?.lastUsedAt ?? 0) >= since;
      },
      whenDone: async () => expectAlive(tokensOf(await post("/api/v1/auth/passkey", await use()))),
    };
  },

  async readPasskeyOptions() {
    const { accessToken: bearer } = await visitor();
    return { method: "POST", path: `${PASSKEYS}/options`, bearer };
  },

  async addPasskey() {
    const { accessToken: bearer } = await visitor();
    const credential = await createAuthenticator(SITE).register(await creationOptions(bearer));
    return {
      ...{ method: "POST", path: PASSKEYS, bearer, again: "reauthentication_required", body: { credential } },
      isDone: async () => (await factorsOf(bearer)).json.items.length === 1,
    };
  },

  async removeFactors() {
    const [{ accessToken, email, password, userId }, { accessToken: bearer }] = [await holder(), await superuser()];
    return {
      ...{ method: "DELETE", path: `/api/v1/users/${userId}/factors`, bearer },
      isDone: async () => (await factorsOf(accessToken)).json.items.length === 0,
      whenDone: async () => {
        await runDurableObjectAlarm(env.USER_SESSIONS.getByName(userId));
        const answer = await post("/api/v1/auth/login", { email, password, turnstile_token });
        expect(answer.status, answer.text).toBe(200);
      },
    };
  },

  async renameFactor() {
    const { accessToken: bearer, totp, userId } = await holder();
    const name = "An old phone";
    return {
      ...{ method: "PATCH", path: `/api/v1/users/me/factors/${totp.id}`, bearer, body: { name }, userId },
      isDone: async () => (await factorsOf(bearer)).json.items[0]?.name === name,
    };
  },

  async removeFactor() {
    const { accessToken: bearer, totp, userId, ...person } = await holder();
    return {
      ...{ method: "DELETE", path: `/api/v1/users/me/factors/${totp.id}`, bearer, again: "not_found", userId },
      isDone: async () => (await factorsOf(bearer)).json.items.length === 0,
      whenDone: async () => {
        await runDurableObjectAlarm(env.USER_SESSIONS.getByName(userId));
        const { email, password } = person;
        const answer = await post("/api/v1/auth/login", { email, password, turnstile_token });
        expect(answer.status, answer.text).toBe(200);
      },
      reported: { type: "second_factor_removed", subject: /factor was removed/, userId, email: person.email },
    };
  },

  async replaceRecoveryCodes() {
    const { accessToken: bearer, recoveryCodes, pending, userId, email } = await holder();
    return {
      ...{ method: "POST", path: "/api/v1/users/me/recovery-codes", bearer },
      isDone: async () => (await factorsOf(bearer)).json.recovery_codes_left === 10,
      whenDone: async () => {
        const [recovery_code] = recoveryCodes;
        expectProblem(await secondStep(pending, { recovery_code }), 401, "invalid_factor");
      },
      reported: { type: "recovery_codes_replaced", subject: /New recovery codes/, userId, email },
    };
  },
};
