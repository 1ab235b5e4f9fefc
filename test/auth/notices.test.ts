import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config/config.ts";
import { composeMail } from "../../src/mail/compose.ts";
import type { MailRequest } from "../../src/mail/requests.ts";
import { deviceDigest } from "../../src/sessions/device.ts";
import { forgotPassword, refresh, register, tryLogin, verifyEmail } from "../support/account.ts";
import { appWith, call, expectProblem, post } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { withoutPauses } from "../support/held-timers.ts";
import { recordLogs } from "../support/logs.ts";
import {
  loggedIn,
  logIn,
  type Mail,
  mailAbout,
  mailedToken,
  mailsTo,
  newPerson,
  registered,
  rowOf,
} from "../support/people.ts";
import { coldIsolate } from "../support/services.ts";

const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const UPDATED = AGENT.replaceAll("145", "146");
const OTHER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.1 Safari/605.1.15";

const from = (agent: string, address?: string) => ({
  headers: { "User-Agent": agent },
  ...(address === undefined ? {} : { address }),
});

async function noticesTo(email: string, subject: RegExp): Promise<Mail[]> {
  return (await mailsTo(email)).filter((mail) => subject.test(mail.subject));
}

async function oneNotice(email: string, subject: RegExp): Promise<Mail> {
  const mail = await mailAbout(email, subject);
  expect(await noticesTo(email, subject)).toHaveLength(1);
  return mail;
}

/** Waits until all emails that were requested before are composed: the reset email is composed after them. */
async function settled(email: string): Promise<void> {
  const before = (await noticesTo(email, /Reset your Postern password/)).length;
  await forgotPassword(email);
  await eventually(async () => expect(await noticesTo(email, /Reset your Postern password/)).toHaveLength(before + 1));
}

describe("a login from a device that was not seen before", () => {
  it("is told to the owner, with the device, the address and the time", async () => {
    const person = await registered();
    await logIn(person, {}, from(AGENT));
    await logIn(person, {}, from(OTHER, "192.0.2.44"));
    const mail = await oneNotice(person.email, /login/i);
    for (const body of [mail.text, mail.html]) {
      expect(body).toContain("192.0.2.44");
      expect(body).toContain("Safari on macOS");
      expect(body).toContain("UTC");
    }
    expect(mail.html).not.toMatch(/<(script|img)/);
  });

  it("is not told of the first login ever, nor of a known device with a newer version at another address", async () => {
    const person = await registered();
    await logIn(person, {}, from(AGENT, "192.0.2.1"));
    await logIn(person, {}, from(UPDATED, "198.51.100.1"));
    await logIn(person, {}, from(AGENT));
    await settled(person.email);
    expect(await noticesTo(person.email, /login/i)).toEqual([]);
  });

  it("is told once, and of a device by its name", async () => {
    const person = await registered();
    await logIn(person, {}, from(AGENT));
    await logIn(person, { device_name: "A <b>stranger's</b> phone" }, from(AGENT));
    await logIn(person, { device_name: "A <b>stranger's</b> phone" }, from(AGENT));
    const mail = await oneNotice(person.email, /login/i);
    expect(mail.text).toContain("A <b>stranger's</b> phone");
    expect(mail.html).not.toContain("<b>stranger");
    await settled(person.email);
    expect(await noticesTo(person.email, /login/i)).toHaveLength(1);
  });

  it("is told although every session of before has ended", async () => {
    const person = await logIn(await registered(), {}, from(AGENT));
    await post("/api/v1/auth/logout", { all: true }, { bearer: person.accessToken });
    await logIn(person, {}, from(OTHER));
    await oneNotice(person.email, /login/i);
  });

  it("tells two countries apart where the platform names them", () => {
    const clues = { deviceName: null, userAgent: AGENT, country: "FR" };
    expect(deviceDigest(clues)).toBe(deviceDigest({ ...clues, userAgent: UPDATED }));
    expect(deviceDigest(clues)).not.toBe(deviceDigest({ ...clues, country: "NZ" }));
    expect(deviceDigest(clues)).not.toContain("Firefox");
  });

  /** The app with a mail queue whose first `failures` calls fail. */
  function appWithQueue(failures: number) {
    const app = createApp(parseConfig(env));
    let calls = 0;
    const send = async (request: MailRequest) => {
      calls += 1;
      if (calls <= failures) throw new Error("the queue is down");
      return env.MAIL_QUEUE.send(request);
    };
    return async (request: Request) =>
      app.fetch(request, { ...env, MAIL_QUEUE: { send } }, { waitUntil() {}, passThroughOnException() {}, props: {} });
  }

  it("is told although the queue fails for a moment", async () => {
    const person = await registered();
    await logIn(person, {}, from(AGENT));
    const answer = await withoutPauses(() => tryLogin(person, from(OTHER), appWithQueue(2)));
    expect(answer.status).toBe(200);
    await oneNotice(person.email, /login/i);
  });

  it("goes through although the notice can't be queued, which the log tells", async () => {
    const person = await registered();
    await logIn(person, {}, from(AGENT));
    const logs = recordLogs();
    const answer = await withoutPauses(() => tryLogin(person, from(OTHER), appWithQueue(100)));
    expect(answer.status).toBe(200);
    const lost = () => logs().find(({ event }) => event === "notice_lost");
    await eventually(() => expect(lost()).toMatchObject({ mail_kind: "new_login" }));
  });
});

describe("a refresh token that is used again", () => {
  it("is told to the owner [SE-3]", async () => {
    const person = await logIn(await registered(), { device_name: "Ada's phone" });
    await refresh(person.refreshToken);
    vi.setSystemTime(Date.now() + 60_000);
    expectProblem(await refresh(person.refreshToken), 401, "refresh_token_reused");
    vi.useRealTimers();
    await runDurableObjectAlarm(env.USER_SESSIONS.getByName(person.userId));
    const mail = await mailAbout(person.email, /^A device was logged out/);
    expect(mail.text).toContain("Ada's phone");
    expect(mail.text).not.toContain(person.refreshToken);
    expect(mail.subject).toBe("A device was logged out of your Postern account");
    for (const body of [mail.text, mail.html]) expect(body).toContain("UTC");

    expectProblem(await refresh(person.refreshToken), 401, "invalid_refresh_token");
    await settled(person.email);
    expect(await noticesTo(person.email, /logged out/)).toHaveLength(1);
  });
});

describe("the language of mails", () => {
  it("is the one that the registering browser asks for, and can be changed", async () => {
    const person = newPerson();
    const options = { headers: { "Accept-Language": "de-AT,de;q=0.9,en;q=0.5" } };
    await post("/api/v1/auth/register", person, options);
    const [german] = await mailsTo(person.email);
    expect(german?.subject).toMatch(/Bestätigen/);
    expect(german?.html).toContain('<html lang="de"');
    const token = await mailedToken(person.email);
    expect((await verifyEmail(token)).status).toBe(200);
    expect((await rowOf(person.email))?.locale).toBe("de");

    const { accessToken } = await logIn(person);
    const put = (locale: string) => call("PUT", "/api/v1/users/me", { bearer: accessToken, body: { locale } });
    expectProblem(await put("tlh"), 422, "validation_failed");
    expect((await put("en")).status).toBe(200);
    await forgotPassword(person.email);
    await oneNotice(person.email, /Reset your Postern password/);
  });

  it("is that of the owner when another client registers the same address", async () => {
    const person = await loggedIn();
    await call("PUT", "/api/v1/users/me", { bearer: person.accessToken, body: { locale: "de" } });
    const stranger = { ...newPerson(), email: person.email };
    await post("/api/v1/auth/register", stranger, { headers: { "Accept-Language": "en" } });
    const mail = await oneNotice(person.email, /Konto/);
    expect(mail.html).toContain('<html lang="de"');
  });
});

describe("a product of another name", () => {
  it("has its own name and subjects in the mails", async () => {
    const values = { PRODUCT_NAME: "Acme", MAIL_SUBJECTS: '{"verify_email":"Welcome to {product}"}' };
    const person = newPerson();
    expect((await register(person, appWith(values))).status).toBe(202);
    const services = coldIsolate(values);
    const { registration } = await services.registrations.findNewest(person.email);
    const event = { kind: "verify_email" as const, registrationId: registration?.id ?? "" };
    const mail = await composeMail({ id: crypto.randomUUID(), requestedAt: Date.now(), event }, false, services);
    expect(mail?.subject).toBe("Welcome to Acme");
    expect(mail?.text).toContain("Acme");
  });
});
