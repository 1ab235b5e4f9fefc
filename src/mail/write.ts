/** Renders an email's facts in the recipient's language, with the operator's subject if one is configured. */
import type { Config } from "../config/config.ts";
import { chosenSubject, type MessageKind } from "../config/email-subjects.ts";
import { type Locale, readLocale } from "../config/languages.ts";
import { german } from "./messages/de.ts";
import { english } from "./messages/en.ts";
import { type Facts, type Language, renderHtml, renderText } from "./messages.ts";
import type { OutgoingMail } from "./transports/transport.ts";

const IN_LANGUAGE: Record<Locale, Language> = { en: english, de: german };

export type WrittenMail = Omit<OutgoingMail, "id">;

/** Writes an email. The same facts give the same email. */
export function writeMail<Kind extends MessageKind>(
  kind: Kind,
  recipient: { email: string; locale: string },
  facts: Facts[Kind],
  config: Pick<Config, "productName" | "mail">,
): WrittenMail {
  const product = config.productName;
  const locale = readLocale(recipient.locale);
  const { messages, withoutButton } = IN_LANGUAGE[locale];
  const ours = messages[kind]({ ...facts, product });
  const message = { ...ours, subject: chosenSubject(config.mail.subjects, { kind, locale, product }) ?? ours.subject };
  return {
    to: recipient.email,
    subject: message.subject,
    text: renderText(message),
    html: renderHtml(message, { product, locale, withoutButton }),
  };
}
