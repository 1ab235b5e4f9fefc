/** Every email with made-up facts, to look at. Nothing here is sent. */
import type { MessageKind } from "../config/email-subjects.ts";
import type { Locale } from "../config/languages.ts";
import { namesOf } from "../platform/records.ts";
import { LANGUAGES } from "./messages/languages.ts";
import type { Facts, Message } from "./messages.ts";
import { renderMail } from "./render.ts";
import type { MailLook } from "./render-html.ts";

export interface SampleMail {
  kind: MessageKind;
  subject: string;
  text: string;
  html: string;
}

const AT = Date.UTC(2030, 2, 5, 14, 3);
/** At least as long as a real token. */
const TOKEN = "c2FtcGxl".repeat(20);

/** Every email in one language. `origin`: the service's origin. `subjectOf` may return another subject. */
export function sampleMails(
  locale: Locale,
  look: MailLook,
  { origin, subjectOf }: { origin: string; subjectOf?: (kind: MessageKind) => string | undefined },
): SampleMail[] {
  const facts = factsAt(origin);
  return namesOf(facts).map((kind) => {
    const written = messageOf(kind, facts, locale, look.product);
    const message = { ...written, subject: subjectOf?.(kind) ?? written.subject };
    const { subject, text, html } = renderMail({ to: "ada@example.com", locale, message }, look);
    return { kind, subject, text, html };
  });
}

/** Generic, so that the compiler sees that the message and the facts are of the same kind. */
function messageOf<Kind extends MessageKind>(kind: Kind, facts: Facts, locale: Locale, product: string): Message {
  return LANGUAGES[locale].messages[kind]({ ...facts[kind], product });
}

function factsAt(origin: string): Facts {
  const link = (page: string) => `${origin}/${page}#token=${TOKEN}`;
  const username = "ada";
  const device = { browser: "Firefox", system: "Windows" };
  const [login, reset, account] = [`${origin}/login`, `${origin}/reset-password`, `${origin}/account`];
  const newEmail = "a…@ example. com";
  return {
    verify_email: { username, url: link("verify-email"), hours: 24 },
    invitation: { inviter: "grace", url: `${link("accept-invitation")}&email=ada%40example.com`, until: AT },
    account_exists: { url: login },
    reset_password: { username, url: link("reset-password"), minutes: 60 },
    email_login: { username, url: link("email-login"), minutes: 10 },
    password_blocked: { url: reset, at: AT },
    password_changed: { url: reset, at: AT },
    password_removed: { url: reset, at: AT },
    new_login: { device, ipAddress: "192.0.2.44", url: account, at: AT },
    refresh_reused: { device, url: account, at: AT },
    second_factor_added: { factor: "totp", url: account, at: AT },
    second_factor_removed: { factor: "passkey", url: account, at: AT },
    second_factors_removed: { url: account, at: AT },
    second_factor_code: { username, code: "40718293", minutes: 10 },
    recovery_code_used: { left: 3, url: account, at: AT },
    recovery_codes_replaced: { url: account, at: AT },
    passkey_counter_fell_back: { url: account, at: AT },
    confirm_email: { username, url: link("confirm-email"), hours: 24 },
    email_in_use: { url: login },
    email_change_requested: { newEmail, url: link("undo-email-change"), until: AT },
    email_changed: { newEmail, url: link("undo-email-change"), until: AT },
    account_deleted: { at: AT },
  };
}
