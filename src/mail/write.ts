/**
 * Writes an email's facts in the recipient's language, with the operator's subject if one is configured, and renders
 * the email in the operator's look.
 */
import type { Config } from "../config/config.ts";
import { chosenSubject, type MessageKind } from "../config/email-subjects.ts";
import { type Locale, readLocale } from "../config/languages.ts";
import { LANGUAGES } from "./messages/languages.ts";
import { type Facts, type Message, renderText } from "./messages.ts";
import { type MailLook, renderHtml } from "./render-html.ts";
import type { OutgoingMail } from "./transports/transport.ts";

/** An email that has its words, and is not rendered yet. */
export interface WrittenMail {
  to: string;
  locale: Locale;
  message: Message;
}

/** Writes an email. The same facts give the same email. */
export function writeMail<Kind extends MessageKind>(
  kind: Kind,
  recipient: { email: string; locale: string },
  facts: Facts[Kind],
  config: Pick<Config, "productName" | "mail">,
): WrittenMail {
  const product = config.productName;
  const locale = readLocale(recipient.locale);
  const ours = LANGUAGES[locale].messages[kind]({ ...facts, product });
  const subject = chosenSubject(config.mail.subjects, { kind, locale, product }) ?? ours.subject;
  return { to: recipient.email, locale, message: { ...ours, subject } };
}

/** Renders an email, as text and as HTML. */
export function renderMail({ to, locale, message }: WrittenMail, look: MailLook): Omit<OutgoingMail, "id"> {
  const { withoutButton, footer } = LANGUAGES[locale];
  const surroundings = { locale, withoutButton, footer: footer(look.product) };
  return {
    to,
    subject: message.subject,
    text: renderText(message, surroundings.footer),
    html: renderHtml(message, surroundings, look),
  };
}
