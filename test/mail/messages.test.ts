import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { MESSAGE_KINDS, type MessageKind } from "../../src/config/email-subjects.ts";
import { SUPPORTED_LOCALES } from "../../src/config/languages.ts";
import { verifyLink } from "../../src/links/link-tokens.ts";
import { quoteUsername } from "../../src/mail/client-words.ts";
import { composeMail } from "../../src/mail/compose.ts";
import type { MailEvent } from "../../src/mail/requests.ts";
import { DEFAULT_THEME, readTheme } from "../../src/mail/theme.ts";
import type { OutgoingMail } from "../../src/mail/transports/transport.ts";
import { createId, systemRandom } from "../../src/platform/random.ts";
import { extend } from "../../src/platform/records.ts";
import { isRefusal } from "../../src/platform/refusal.ts";
import { changePassword, register } from "../support/account.ts";
import { post } from "../support/client.ts";
import { withEmailCodes } from "../support/factors.ts";
import { type LoggedIn, loggedIn, logIn, mailsTo, newPerson, registered, rowOf } from "../support/people.ts";
import { coldIsolate, NOTHING_FOLLOWS } from "../support/services.ts";
import { shownText } from "./shown-text.ts";

const DAY = 86_400_000;
const AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15";
const REQUESTED_AT = Date.UTC(2030, 2, 5, 14, 3);

type Services = ReturnType<typeof coldIsolate>;

const requestOf = (event: MailEvent, requestedAt = Date.now()) => ({ id: crypto.randomUUID(), requestedAt, event });

async function compose(event: MailEvent, services: Services = coldIsolate()): Promise<OutgoingMail | undefined> {
  return composeMail(requestOf(event), false, services);
}

async function composed(event: MailEvent, services?: Services): Promise<OutgoingMail> {
  const mail = await compose(event, services);
  if (mail === undefined) throw new Error("There is no such mail.");
  return mail;
}

async function speak(email: string, locale: string): Promise<void> {
  await env.DB.prepare("UPDATE users SET locale = ? WHERE email = ?").bind(locale, email).run();
}

/** Makes each change newer than the one before. */
let wishes = 0;

/** Stores a change of address that is requested now. */
async function asked(person: LoggedIn, newEmail = newPerson().email) {
  wishes += 1;
  const change = {
    ...{
      id: createId(Date.now() + wishes, systemRandom),
      userId: person.userId,
      oldEmail: person.email,
      newEmail,
      sessionEpoch: 0,
    },
    ...{ requestedAt: Date.now(), confirmedAt: null, undoneAt: null },
  };
  await coldIsolate().emailChanges.request(change, NOTHING_FOLLOWS);
  return change;
}

/** An event for each kind of email, about users with this language. */
async function eventsIn(locale: string): Promise<Record<MessageKind, MailEvent>> {
  const newcomer = newPerson();
  await post("/api/v1/auth/register", newcomer, { headers: { "Accept-Language": locale } });
  const coded = await withEmailCodes();
  await speak(coded.email, locale);
  const [owner, mover, taker, holder] = [await loggedIn(), await loggedIn(), await loggedIn(), await registered()];
  for (const { email } of [owner, mover, taker, holder]) await speak(email, locale);
  const waiting = await asked(owner);
  const taken = await asked(taker, holder.email);
  const confirmed = await asked(mover);
  await coldIsolate().emailChanges.confirm(confirmed, { consequences: NOTHING_FOLLOWS, now: Date.now() });
  await post("/api/v1/auth/register", { ...newPerson(), email: holder.email });
  const second = await coldIsolate().registrations.findNewest(holder.email);
  const { userId } = owner;
  return {
    verify_email: { kind: "resend_verification", email: newcomer.email },
    invitation: {
      kind: "invitation",
      invitationId: crypto.randomUUID(),
      inviterId: userId,
      email: newPerson().email,
      locale,
      expiresAt: Date.now() + DAY,
    },
    account_exists: { kind: "verify_email", registrationId: second.registration?.id ?? "" },
    reset_password: { kind: "reset_password", email: owner.email },
    email_login: { kind: "email_login", email: owner.email },
    password_blocked: { kind: "password_blocked", userId },
    password_changed: { kind: "password_changed", userId },
    password_removed: { kind: "password_removed", userId },
    new_login: { kind: "new_login", userId, device: AGENT, ipAddress: "192.0.2.44" },
    refresh_reused: { kind: "refresh_reused", userId, device: null },
    second_factor_added: { kind: "second_factor_added", userId, factor: "totp" },
    second_factor_removed: { kind: "second_factor_removed", userId, factor: "passkey" },
    second_factor_code: {
      kind: "second_factor_code",
      ...{ userId: coded.userId, loginId: crypto.randomUUID(), epoch: 0, expiresAt: Date.now() + 600_000 },
    },
    recovery_code_used: { kind: "recovery_code_used", userId, left: 3 },
    recovery_codes_replaced: { kind: "recovery_codes_replaced", userId },
    second_factors_removed: { kind: "second_factors_removed", userId },
    passkey_counter_fell_back: { kind: "passkey_counter_fell_back", userId },
    confirm_email: { kind: "confirm_email", changeId: waiting.id },
    email_in_use: { kind: "confirm_email", changeId: taken.id },
    email_change_requested: { kind: "email_change_requested", changeId: waiting.id },
    email_changed: { kind: "email_changed", changeId: confirmed.id },
    account_deleted: { kind: "account_deleted", email: newPerson().email, locale },
  };
}

/** Removes tokens, because a random token may contain any short word. */
const withoutTokens = (text: string) => text.replaceAll(/token=[\w-]+/g, "token=");

describe.each(SUPPORTED_LOCALES)("every kind of mail, in the language %s,", (locale) => {
  let events: Record<MessageKind, MailEvent>;

  beforeAll(async () => {
    events = await eventsIn(locale);
  }, 30_000);

  it.each(MESSAGE_KINDS)("says %s whole, in its own words, under our name or a chosen one", async (kind) => {
    const mail = await composed(events[kind], coldIsolate({ PRODUCT_NAME: "Acme" }));
    expect(mail.html).toContain(`<html lang="${locale}"`);
    expect(mail.subject).toContain("Acme");
    expect(mail.subject.length).toBeLessThanOrEqual(80);
    for (const words of [mail.subject, mail.text, shownText(mail.html)]) {
      expect(withoutTokens(words)).not.toMatch(/undefined|null|NaN|Invalid|\[object|[{}]|Postern/);
    }
    const isGerman = /\b(Sie|Ihr|Ihre|Ihrer)\b/;
    const isEnglish = /\b(you|your|the|address)\b/i;
    const [own, other] = locale === "de" ? [isGerman, isEnglish] : [isEnglish, isGerman];
    const plain = mail.text.replaceAll(/https?:\S+/g, "");
    expect(plain).toMatch(own);
    expect(plain).not.toMatch(other);
    // Both versions contain the same text.
    const shown = shownText(mail.html);
    for (const line of mail.text.split("\n")) expect(shown).toContain(line.replace(/:$|^<|>$/g, ""));

    const chosen = coldIsolate({
      PRODUCT_NAME: "Acme $& Co",
      MAIL_SUBJECTS: JSON.stringify({ [kind]: { [locale]: "A {product} of {product}" } }),
    });
    expect((await composed(events[kind], chosen)).subject).toBe("A Acme $& Co of Acme $& Co");
    const elsewhere = coldIsolate({
      PRODUCT_NAME: "Acme",
      MAIL_SUBJECTS: JSON.stringify({ [kind]: { [locale === "de" ? "en" : "de"]: "Another" } }),
    });
    expect((await composed(events[kind], elsewhere)).subject).toBe(mail.subject);
  });

  it.each(MESSAGE_KINDS)("composes the same %s at every attempt, however late", async (kind) => {
    const request = requestOf(events[kind]);
    const first = await composeMail(request, true, coldIsolate());
    vi.setSystemTime(Date.now() + 590_000);
    expect(first).toBeDefined();
    expect(await composeMail(request, false, coldIsolate())).toEqual(first);
  });

  it.each(MESSAGE_KINDS)("has in %s no token outside a fragment, and no address but one of our pages", async (kind) => {
    const { text, html } = await composed(events[kind]);
    const urls = [...`${text}\n${html}`.matchAll(/https?:[^\s"<>]+/g)].map(([url]) => url);
    const hasLink = /^(verify_email|invitation|reset_password|email_login|confirm_email|email_change)/.test(kind);
    const form = hasLink
      ? /^http:\/\/localhost:8787\/[a-z-]+#token=[\w-]{100,}(&(amp;)?email=[\w.%-]+)?$/
      : /^http:\/\/localhost:8787\/(login|reset-password|account)$/;
    for (const url of urls) expect(url).toMatch(form);
    expect(urls).toHaveLength(/^(account_deleted|second_factor_code)$/.test(kind) ? 0 : 4);
  });
});

describe("the logo and the colors of an email", () => {
  it("are those of the configuration and of theme.css", async () => {
    const { userId } = await loggedIn();
    const event = { kind: "password_changed" as const, userId };
    const services = coldIsolate({ MAIL_LOGO_URL: "/static/logo.png", MAIL_LOGO_WIDTH: "48" });
    const mailTheme = async () => readTheme(":root { --accent: #7a2048; }").theme;
    const { html } = await composed(event, extend(services, { mailTheme }));
    expect(html).toContain('src="http://localhost:8787/static/logo.png" width="48"');
    expect(html).toContain('bgcolor="#7a2048"');
    expect((await composed(event)).html).toContain(`bgcolor="${DEFAULT_THEME.light.accent}"`);
  });
});

describe("a username in an email to a person who may not know it", () => {
  it.each([
    ["www.prize-123.com", "www. prize-123. com"],
    ["evil.io", "evil. io"],
    ["ada.lovelace", "ada. lovelace"],
    ["ada", "ada"],
  ])("is quoted so that no mail program makes a link of %s", (username, says) => {
    expect(quoteUsername(username)).toBe(says);
  });

  it("is no link in the mail that anybody can have sent to anybody", async () => {
    const person = { ...newPerson(), username: `www.prize-${crypto.randomUUID().slice(0, 6)}.com` };
    await register(person);
    const [mail] = await mailsTo(person.email);
    for (const text of [mail?.text, mail?.html]) {
      expect(text).not.toContain(person.username);
      expect(text).toContain(quoteUsername(person.username));
    }
  });
});

describe("the notice of a new device", () => {
  it("names the moment of the login, not that of the mail", async () => {
    const { userId } = await loggedIn();
    const event = { kind: "new_login" as const, userId, device: AGENT, ipAddress: "192.0.2.44" };
    const mail = await composeMail(requestOf(event, REQUESTED_AT), false, coldIsolate());
    expect(mail?.text).toContain(`Device: Safari on macOS\nIP address: 192.0.2.44\nTime: 5 March 2030, 14:03 UTC\n`);
  });

  const quoted = async (device: string | null) => {
    const { userId } = await loggedIn();
    const { subject, text, html } = await composed({ kind: "new_login", userId, device, ipAddress: "192.0.2.44" });
    expect(subject).toBe("New login to your Postern account");
    const withoutButton = html.replaceAll('<a href="http://localhost:8787/account"', "");
    expect(withoutButton).not.toMatch(/<(script|a|img)\b/);
    expect(shownText(html), "both versions quote it").toContain(/^Device: .*$/m.exec(text)?.[0]);
    return /^Device: (.*)\nIP address: 192\.0\.2\.44$/m.exec(text)?.[1];
  };

  it.each([
    ["a known browser", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"],
    ["an unknown browser", "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"],
    ["something with a system in its name", "Ada's Linux/Firefox phone", "Ada's Linux/Firefox phone"],
    ["a line break", "phone\r\n\r\nIP address: 203.0.113.1", "phone IP address: 203. 0. 113. 1"],
    ["control characters", "a\u0000b\u001b[31mc\u2028d", "a b [31mc d"],
    ["marks that turn text around", "a\u202egnp.exe\u2069 \u200bb", "a gnp. exe b"],
    ["half a character", "phone \ud83d", "phone \ufffd"],
    ["markup", "<script>alert(1)</script>", "<script>alert(1)</script>"],
    ["a link", "see https://evil.example/x or www.evil.example", "see https: //evil. example/x or www. evil. example"],
    ["an address", "eve@evil.example", "eve@ evil. example"],
    ["nothing", null, "unknown"],
    ["nothing to see", " \u200b\u0007 ", "unknown"],
  ])("quotes a device that calls itself %s, and is not broken by it", async (_, device, says) => {
    expect(await quoted(device)).toBe(says);
  });

  it("cuts a long one short, between two characters", async () => {
    expect(await quoted("🎉".repeat(500))).toBe(`${"🎉".repeat(159)}…`);
    expect(await quoted("x".repeat(160))).toBe("x".repeat(160));
  });
});

describe("the mails about a change of address", () => {
  const CONFIRM = "confirm_email";
  const KINDS = [CONFIRM, "email_change_requested", "email_changed"] as const;

  async function recipients(changeId: string) {
    return Promise.all(KINDS.map(async (kind) => (await compose({ kind, changeId }))?.to));
  }

  it("go to the new address and to the old one while it waits", async () => {
    const person = await loggedIn();
    const { id, newEmail } = await asked(person);
    expect(await recipients(id)).toEqual([newEmail, person.email, undefined]);
  });

  it("tell the old address the new one in part alone", async () => {
    const person = await loggedIn();
    const change = await asked(person);
    for (const kind of ["email_change_requested", "email_changed"] as const) {
      if (kind === "email_changed")
        await coldIsolate().emailChanges.confirm(change, { consequences: NOTHING_FOLLOWS, now: Date.now() });
      const { text, html } = await composed({ kind, changeId: change.id });
      for (const body of [text, html]) {
        expect(body).toContain("p…@ example. com");
        expect(body).not.toContain(change.newEmail);
      }
    }
  });

  it("go to the old address alone once it is confirmed, the first notice among them", async () => {
    const person = await loggedIn();
    const change = await asked(person);
    await coldIsolate().emailChanges.confirm(change, { consequences: NOTHING_FOLLOWS, now: Date.now() });
    expect(await recipients(change.id)).toEqual([undefined, person.email, person.email]);
  });

  it("are not sent for a deleted or undone change, and offer no confirmation of an overtaken one", async () => {
    const nobody = [undefined, undefined, undefined];
    expect(await recipients(crypto.randomUUID())).toEqual(nobody);

    const { emailChanges } = coldIsolate();
    const undone = await asked(await loggedIn());
    await emailChanges.undo(undone, { consequences: NOTHING_FOLLOWS, now: Date.now() });
    expect(await recipients(undone.id)).toEqual(nobody);

    const hasty = await loggedIn();
    const first = await asked(hasty);
    await asked(hasty);
    // The earlier change can't be confirmed any more, but its notice can still undo it.
    const noticeAlone = (email: string) => [undefined, email, undefined];
    expect(await recipients(first.id)).toEqual(noticeAlone(hasty.email));

    const person = await loggedIn();
    const overtaken = await asked(person);
    expect((await changePassword(person)).status).toBe(204);
    expect(await recipients(overtaken.id)).toEqual(noticeAlone(person.email));

    const leaver = await loggedIn();
    const orphan = await asked(leaver);
    await env.DB.prepare("DELETE FROM users WHERE id = ?").bind(leaver.userId).run();
    expect(await recipients(orphan.id)).toEqual(nobody);
  });

  it("hold no link that would be dead on arrival", async () => {
    const waiting = await asked(await loggedIn());
    const confirmed = await asked(await loggedIn());
    await coldIsolate().emailChanges.confirm(confirmed, { consequences: NOTHING_FOLLOWS, now: Date.now() });
    vi.setSystemTime(Date.now() + DAY);
    expect(await compose({ kind: CONFIRM, changeId: waiting.id })).toBeUndefined();
    expect(await compose({ kind: "email_changed", changeId: confirmed.id })).toBeDefined();
    vi.setSystemTime(Date.now() + 7 * DAY);
    expect(await compose({ kind: "email_changed", changeId: confirmed.id })).toBeUndefined();
    expect(await compose({ kind: "email_change_requested", changeId: confirmed.id })).toBeUndefined();
  });

  it("hold links that live as long as what they do can be done", async () => {
    const change = await asked(await loggedIn());
    const services = coldIsolate();
    const until = async (kind: (typeof KINDS)[number]) => {
      const { text } = await composed({ kind, changeId: change.id });
      const token = /#token=([\w-]+)/.exec(text)?.[1] ?? "";
      const purpose = kind === CONFIRM ? "confirm-email" : "undo-email-change";
      return (at: number) =>
        isRefusal(verifyLink(purpose, token, { secrets: services.secrets, clock: { now: () => at } }));
    };
    const [confirm, early] = [await until(CONFIRM), await until("email_change_requested")];
    // The last moment at which the change can be confirmed.
    const last = change.requestedAt + DAY - 1;
    vi.setSystemTime(last);
    await services.emailChanges.confirm(change, { consequences: NOTHING_FOLLOWS, now: last });
    const late = await until("email_changed");
    expect([confirm(last), confirm(last + 1)]).toEqual([false, true]);
    expect([late(last + 7 * DAY - 1), late(last + 7 * DAY)]).toEqual([false, true]);
    expect([early(last + 7 * DAY), early(last + 7 * DAY + 1)]).toEqual([false, true]);
    // The change is stored for as long as its links work.
    await services.emailChanges.deleteStale(last + 7 * DAY - DAY - 7 * DAY, 10);
    expect((await services.emailChanges.find(change.id)).change).toBeDefined();
  });
});

describe("the goodbye", () => {
  it("is in the language that the account spoke, at the address that it had", async () => {
    const person = await logIn(await registered());
    const event = { kind: "account_deleted" as const, email: person.email, locale: "de" };
    const mail = await composeMail(requestOf(event, REQUESTED_AT), false, coldIsolate());
    expect(mail).toMatchObject({ to: person.email, subject: "Ihr Konto bei Postern wurde gelöscht" });
    expect(mail?.text).toContain("5. März 2030, 14:03 UTC");
    expect((await composed({ ...event, locale: "tlh" })).subject).toBe("Your Postern account has been deleted");
  });
});

describe("the email to an address that has an account, when another user asks for it", () => {
  it("is in the language of its owner, and does not name the other user", async () => {
    const asker = await loggedIn();
    const holder = await registered();
    await speak(holder.email, "de");
    const { id } = await asked(asker, holder.email);
    const mail = await composed({ kind: "confirm_email", changeId: id });
    expect(mail.to).toBe(holder.email);
    expect(mail.subject).toBe("Zu Ihrer E-Mail-Adresse gibt es bereits ein Konto bei Postern");
    for (const word of [asker.email, asker.username, "token="]) expect(mail.text).not.toContain(word);
    expect(await rowOf(holder.email)).not.toBeNull();
    await mailsTo(holder.email);
  });
});
