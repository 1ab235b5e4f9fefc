/**
 * From a request to a mail: looks up how things are now, decides whether there is anything to say, makes the
 * link. However often one request is composed, the mail is the same, as long as things are.
 */

import type { Config } from "../config/config.ts";
import type { Limiter } from "../limits/budgets.ts";
import { invitationState, recoveryState } from "../links/link-states.ts";
import { linkUrl } from "../links/link-url.ts";
import { type Clock, HOUR, MINUTE } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import type { EmailChangeStore } from "../users/email-changes.ts";
import type { InvitationStore } from "../users/invitations.ts";
import type { RegistrationReading, RegistrationStore } from "../users/registrations.ts";
import { type User, wasNeverProved } from "../users/user.ts";
import type { UserStore } from "../users/users.ts";
import { quoteClient, quoteUsername } from "./client-words.ts";
import { composeEmailChange } from "./compose-email-change.ts";
import type { OutgoingMail } from "./outgoing-mail.ts";
import type { MailEvent, MailRequest } from "./requests.ts";
import { type WrittenMail, writeMail } from "./write.ts";

export interface ComposingParts {
  config: Config;
  users: UserStore;
  registrations: RegistrationStore;
  invitations: InvitationStore;
  emailChanges: EmailChangeStore;
  limiter: Limiter;
  secrets: Secrets;
  clock: Clock;
}

/**
 * The mail that a request calls for now, or `undefined` where it calls for none.
 *
 * @throws {TypeError} where the request is of a kind that is not known: a newer version's, which keeps its chance.
 */
export async function composeMail(
  request: MailRequest,
  isFirstTry: boolean,
  parts: ComposingParts,
): Promise<OutgoingMail | undefined> {
  const written = await compose(request, parts);
  if (written === undefined) return undefined;
  // Whoever asks for a link was counted when they asked; whoever registers must not be told.
  if (isFirstTry && /^(verify_email|account_exists)$/.test(request.event.kind)) {
    const { refusal } = await parts.limiter.take([{ rule: "registrationMailPerRecipient", key: written.to }]);
    if (refusal !== undefined) return undefined;
  }
  return { id: request.id, ...written };
}

async function compose(request: MailRequest, parts: ComposingParts): Promise<WrittenMail | undefined> {
  const { config, registrations, users } = parts;
  const { event, requestedAt } = request;
  switch (event.kind) {
    case "verify_email":
      return composeVerification(request, await registrations.find(event.registrationId), parts);
    case "resend_verification":
      return composeVerification(request, await registrations.findNewest(event.email), parts);
    case "reset_password":
      return composeRecovery(request, (await registrations.findNewest(event.email)).user, parts);
    case "invitation":
      return composeInvitation(request, event, parts);
    case "account_exists":
    case "password_blocked":
    case "password_changed":
    case "new_login":
    case "refresh_reused": {
      const user = await users.find(event.userId);
      return user && composeNotice(event, user, requestedAt, config);
    }
    case "confirm_email":
    case "email_change_requested":
    case "email_changed":
      return composeEmailChange(request, event, parts);
    case "account_deleted":
      return writeMail(event.kind, event, { at: requestedAt }, config);
    default:
      event satisfies never;
      throw new TypeError("unknown_mail_kind");
  }
}

/** What an account's owner is told of what has happened. There is no link in it. */
function composeNotice(
  event: Extract<MailEvent, { userId: string }>,
  user: User,
  at: number,
  config: Config,
): WrittenMail {
  switch (event.kind) {
    case "account_exists":
      return writeMail(event.kind, user, {}, config);
    case "password_blocked":
    case "password_changed":
      return writeMail(event.kind, user, { at }, config);
    case "new_login": {
      const [device, ipAddress] = [quoteClient(event.device), quoteClient(event.ipAddress)];
      return writeMail(event.kind, user, { device, ipAddress, at }, config);
    }
    case "refresh_reused":
      return writeMail(event.kind, user, { device: quoteClient(event.device), at }, config);
  }
}

/** Nobody is invited to what they have, nor in the name of somebody who is gone. */
async function composeInvitation(
  { id }: MailRequest,
  { invitationId, inviterId, email, locale, expiresAt }: Extract<MailEvent, { kind: "invitation" }>,
  { clock, config, invitations, secrets, users }: ComposingParts,
): Promise<WrittenMail | undefined> {
  const [inviter, isOwned] = await Promise.all([users.find(inviterId), invitations.isOwned(email)]);
  if (inviter === undefined || isOwned || clock.now() >= expiresAt) return undefined;
  const link = { subjectId: invitationId, expiresAt, mailId: id, state: invitationState(email) };
  // The page, and the route that it calls, learn the address from here: the token knows a fingerprint alone.
  const url = `${linkUrl(config.links.invitationUrl, "invitation", link, secrets)}&email=${encodeURIComponent(email)}`;
  return writeMail(
    "invitation",
    { email, locale },
    { inviter: quoteUsername(inviter.username), url, until: expiresAt },
    config,
  );
}

function composeRecovery(
  { id, requestedAt }: MailRequest,
  user: User | undefined,
  { clock, config, secrets }: ComposingParts,
): WrittenMail | undefined {
  const { resetPasswordUrl, resetPasswordLifetime } = config.links;
  const expiresAt = requestedAt + resetPasswordLifetime;
  // After so many retries the link would be dead on arrival.
  if (user === undefined || clock.now() >= expiresAt) return undefined;
  const link = { subjectId: user.id, expiresAt, mailId: id, state: recoveryState(user) };
  const url = linkUrl(resetPasswordUrl, "reset-password", link, secrets);
  const username = quoteUsername(user.username);
  return writeMail("reset_password", user, { username, url, minutes: resetPasswordLifetime / MINUTE }, config);
}

/**
 * The link by which an address is verified: that of a registration; of an account that lost its verification the
 * one by which its owner chooses a new password, so that no stranger's registration takes it over.
 */
function composeVerification(
  request: MailRequest,
  { registration, user }: RegistrationReading,
  parts: ComposingParts,
): WrittenMail | undefined {
  if (user === undefined || user.isVerified) return undefined;
  if (!wasNeverProved(user)) return composeRecovery(request, user, parts);
  const { clock, config, secrets } = parts;
  const { id, requestedAt } = request;
  const { verifyEmailUrl, verifyEmailLifetime } = config.links;
  const expiresAt = requestedAt + verifyEmailLifetime;
  if (registration === undefined || clock.now() >= expiresAt) return undefined;
  const link = { subjectId: registration.id, expiresAt, mailId: id, state: [] };
  const url = linkUrl(verifyEmailUrl, "verify-email", link, secrets);
  const username = quoteUsername(registration.username);
  return writeMail("verify_email", registration, { username, url, hours: verifyEmailLifetime / HOUR }, config);
}
