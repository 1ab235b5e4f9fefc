/** From a request to a mail: looks up how things are now, decides whether there is anything to say, makes the link. */
import { sealLink } from "../auth/link-tokens.ts";
import { recoveryState } from "../auth/reset-password.ts";
import type { Registration, RegistrationStore } from "../auth/store.ts";
import type { Config } from "../config.ts";
import type { Limiter } from "../limits/limiter.ts";
import { type Clock, HOUR, MINUTE } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import type { User } from "../users/user.ts";
import {
  accountExistsMessage,
  type Message,
  passwordChangedMessage,
  renderHtml,
  renderText,
  resetPasswordMessage,
  verifyEmailMessage,
} from "./messages.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";
import type { MailRequest } from "./requests.ts";

export interface ComposingParts {
  config: Config;
  registrations: RegistrationStore;
  limiter: Limiter;
  secrets: Secrets;
  clock: Clock;
}

/** To whom, and what. */
interface Addressed {
  to: string;
  message: Message;
}

/** The mail that a request calls for now, or `undefined` where it calls for none. */
export async function composeMail(
  request: MailRequest,
  isFirstTry: boolean,
  parts: ComposingParts,
): Promise<OutgoingMail | undefined> {
  const addressed = await address(request, parts);
  if (addressed === undefined) return undefined;
  const { to, message } = addressed;
  // Whoever asks for a link was counted when they asked; whoever registers must not be told.
  if (isFirstTry && /^(verify_email|account_exists)$/.test(request.event.kind)) {
    const { refusal } = await parts.limiter.take([{ rule: "registrationMailPerRecipient", key: to }]);
    if (refusal !== undefined) return undefined;
  }
  const { productName } = parts.config;
  return {
    id: request.id,
    to,
    subject: message.subject,
    text: renderText(message),
    html: renderHtml(message, productName),
  };
}

async function address(request: MailRequest, parts: ComposingParts): Promise<Addressed | undefined> {
  const { clock, config, registrations } = parts;
  const { event } = request;
  if ("userId" in event) {
    const user = await registrations.findUser(event.userId);
    const notice = event.kind === "account_exists" ? accountExistsMessage : passwordChangedMessage;
    return user && { to: user.email, message: notice(config.productName) };
  }
  if (!("registrationId" in event || event.kind === "reset_password" || event.kind === "resend_verification"))
    return undefined;
  const { verifyEmailLifetime, resetPasswordLifetime } = config.links;
  const lifetime = event.kind === "reset_password" ? resetPasswordLifetime : verifyEmailLifetime;
  // After so many retries the link would be dead on arrival.
  if (clock.now() >= request.requestedAt + lifetime) return undefined;
  const { registration, user } =
    event.kind === "verify_email"
      ? await registrations.find(event.registrationId)
      : await registrations.findNewest(event.email);
  if (user === undefined) return undefined;
  if (event.kind === "reset_password") return { to: user.email, message: recoveryMessage(request, user, parts) };
  if (registration === undefined || user.isVerified) return undefined;
  return { to: registration.email, message: verificationMessage(request, registration, parts) };
}

function recoveryMessage({ id, requestedAt }: MailRequest, user: User, { config, secrets }: ComposingParts): Message {
  const { resetPasswordUrl, resetPasswordLifetime } = config.links;
  const expiresAt = requestedAt + resetPasswordLifetime;
  const link = { subjectId: user.id, expiresAt, mailId: id, state: recoveryState(user) };
  const url = `${resetPasswordUrl}#token=${sealLink("reset-password", link, secrets)}`;
  return resetPasswordMessage(config.productName, user.username, url, resetPasswordLifetime / MINUTE);
}

function verificationMessage(
  { id, requestedAt }: MailRequest,
  registration: Registration,
  { config, secrets }: ComposingParts,
): Message {
  const { verifyEmailUrl, verifyEmailLifetime } = config.links;
  const link = { subjectId: registration.id, expiresAt: requestedAt + verifyEmailLifetime, mailId: id, state: [] };
  // In the fragment: it reaches no server's log, and no mail scanner that merely opens the link spends it.
  const url = `${verifyEmailUrl}#token=${sealLink("verify-email", link, secrets)}`;
  return verifyEmailMessage(config.productName, registration.username, url, verifyEmailLifetime / HOUR);
}
