/** From a request to a mail: looks the user up as they are now, and makes the link. */
import { sealLink } from "../auth/link-tokens.ts";
import type { Config } from "../config.ts";
import { HOUR } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import type { UserStore } from "../users/store.ts";
import type { User } from "../users/user.ts";
import { accountExistsMessage, type Message, renderHtml, renderText, verifyEmailMessage } from "./messages.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";
import type { MailRequest } from "./requests.ts";

export interface ComposingParts {
  config: Config;
  users: UserStore;
  secrets: Secrets;
}

/** The mail that a request calls for now, or `undefined` where it calls for none. */
export async function composeMail(request: MailRequest, parts: ComposingParts): Promise<OutgoingMail | undefined> {
  const { config, users } = parts;
  const { event } = request;
  const { user } =
    event.kind === "resend_verification" ? await users.findByEmail(event.email) : await users.findById(event.userId);
  if (user === undefined) return undefined;
  const message = messageFor(request, user, parts);
  if (message === undefined) return undefined;
  return {
    id: request.id,
    to: user.email,
    subject: message.subject,
    text: renderText(message),
    html: renderHtml(message, config.productName),
  };
}

function messageFor(
  { id, requestedAt, event: { kind } }: MailRequest,
  user: User,
  { config, secrets }: ComposingParts,
): Message | undefined {
  if (kind === "account_exists" && user.isVerified) return accountExistsMessage(config.productName);
  // Who registers again before verifying has lost the first mail, and needs another link.
  if (user.isVerified) return undefined;
  const { verifyEmailUrl, verifyEmailLifetime } = config.links;
  const expiresAt = requestedAt + verifyEmailLifetime;
  const token = sealLink("verify-email", { userId: user.id, expiresAt, state: [user.email], mailId: id }, secrets);
  // In the fragment: it reaches no server's log, and no mail scanner that merely opens the link spends it.
  return verifyEmailMessage(config.productName, `${verifyEmailUrl}#token=${token}`, verifyEmailLifetime / HOUR);
}
