/** Renders a written email as text and as HTML. */
import type { Locale } from "../config/languages.ts";
import { LANGUAGES } from "./messages/languages.ts";
import { type Message, renderText } from "./messages.ts";
import { type MailLook, renderHtml } from "./render-html.ts";
import type { OutgoingMail } from "./transports/transport.ts";

/** An email whose texts are written, but which is not rendered yet. */
export interface WrittenMail {
  to: string;
  locale: Locale;
  message: Message;
}

/** Renders an email in the operator's look. */
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
