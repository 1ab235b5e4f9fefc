/** Writes an email's facts in the recipient's language, with the operator's subject if one is configured. */
import type { Config } from "../config/config.ts";
import { chosenSubject, type MessageKind } from "../config/email-subjects.ts";
import { readLocale } from "../config/languages.ts";
import { LANGUAGES } from "./messages/languages.ts";
import type { Facts } from "./messages.ts";
import type { WrittenMail } from "./render.ts";

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
