/**
 * Turns a request into an email. Reads the current state, decides whether an email is still needed, and creates the
 * link. The same request gives the same email again, as long as the state does not change.
 */

import type { Config } from "../config/config.ts";
import { emailCode } from "../factors/email-code.ts";
import { openFactorKey } from "../factors/factor-key.ts";
import { PENDING_LOGIN_LIFETIME } from "../factors/pending-login.ts";
import { type Limit, mailLimit, strangerMailLimits } from "../limits/budgets.ts";
import { recoveryState } from "../links/link-states.ts";
import { invitationUrl, linkUrl, loginUrl, verificationUrl } from "../links/link-url.ts";
import { hasPassword } from "../passwords/passwords.ts";
import { HOUR, MINUTE } from "../platform/clock.ts";
import { createSecrets } from "../platform/crypto.ts";
import type { RegistrationReading } from "../users/registrations.ts";
import { type User, wasNeverProved } from "../users/user.ts";
import { nameDevice, quoteIpAddress, quoteUsername } from "./client-words.ts";
import { composeEmailChange } from "./compose-email-change.ts";
import type { ComposingParts } from "./composing-parts.ts";
import { renderMail, type WrittenMail } from "./render.ts";
import { EMAIL_LOGIN_LIFETIME, type MailEvent, type MailRequest } from "./requests.ts";
import type { OutgoingMail } from "./transports/transport.ts";
import { writeMail } from "./write.ts";

/**
 * Returns the email for a request. Returns `undefined` if the email is no longer needed or, on the first try, if a
 * limit refuses it.
 *
 * @throws {TypeError} if the kind is unknown. Then a newer release wrote the request, and a retry may reach that
 * release
 */
export async function composeMail(
  request: MailRequest,
  isFirstTry: boolean,
  parts: ComposingParts,
): Promise<OutgoingMail | undefined> {
  const written = await compose(request, parts);
  if (written === undefined) return undefined;
  if (isFirstTry && !(await isWithinLimits(request.event, written.to, parts))) return undefined;
  const { productName: product, mail } = parts.config;
  return { id: request.id, ...renderMail(written, { product, logo: mail.logo, theme: await parts.mailTheme() }) };
}

/**
 * Counts two sorts of emails: emails that strangers can request for an address (all kinds count together), and notices
 * that can repeat without end. Returns whether the limits allow the email. The email is counted after the response, so
 * that the response reveals nothing. Each kind also has its own limit, which was counted when the link was requested.
 */
async function isWithinLimits(event: MailEvent, to: string, { limiter }: ComposingParts): Promise<boolean> {
  const { refusal } = await limiter.take(limitsOf(event, to));
  return refusal === undefined;
}

function limitsOf(event: MailEvent, to: string): Limit[] {
  switch (event.kind) {
    case "verify_email":
    case "resend_verification":
    case "confirm_email":
    case "email_login":
      return strangerMailLimits(to, false);
    case "reset_password":
      return event.byStranger ? strangerMailLimits(to, true) : [];
    case "new_login":
    case "refresh_reused":
      return [mailLimit(event.kind, to)];
    default:
      return [];
  }
}

async function compose(request: MailRequest, parts: ComposingParts): Promise<WrittenMail | undefined> {
  const { config, registrations, users } = parts;
  const { event, requestedAt } = request;
  switch (event.kind) {
    case "verify_email":
      return composeFirstEmail(request, await registrations.find(event.registrationId), event.returnTo, parts);
    case "resend_verification":
      return composeVerification(request, await registrations.findNewest(event.email), event.returnTo, parts);
    case "reset_password":
      return composeRecovery(request, (await registrations.findNewest(event.email)).user, event.returnTo, parts);
    case "email_login":
      return composeEmailLogin(request, (await registrations.findNewest(event.email)).user, event.returnTo, parts);
    case "invitation":
      return composeInvitation(request, event, parts);
    case "password_blocked":
    case "password_changed":
    case "password_removed":
    case "new_login":
    case "refresh_reused":
    case "second_factor_added":
    case "second_factor_removed":
    case "recovery_code_used":
    case "recovery_codes_replaced":
    case "passkey_counter_fell_back":
    case "second_factors_removed": {
      const user = await users.find(event.userId);
      return user && composeNotice(event, user, requestedAt, config);
    }
    case "second_factor_code":
      return composeFactorCode(event, await users.find(event.userId), parts);
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

/** A notice to the owner of an account. Its button opens a hosted page. The link contains no token. */
function composeNotice(
  event: Exclude<Extract<MailEvent, { userId: string }>, { kind: "second_factor_code" }>,
  user: User,
  at: number,
  config: Config,
): WrittenMail {
  const page = (name: "reset-password" | "account") => `${config.publicUrl}/${name}`;
  switch (event.kind) {
    case "password_blocked":
    case "password_changed":
    case "password_removed":
      return writeMail(event.kind, user, { url: page("reset-password"), at }, config);
    case "new_login": {
      const facts = { device: nameDevice(event.device), ipAddress: quoteIpAddress(event.ipAddress) };
      return writeMail(event.kind, user, { ...facts, url: page("account"), at }, config);
    }
    case "refresh_reused":
      return writeMail(event.kind, user, { device: nameDevice(event.device), url: page("account"), at }, config);
    case "second_factor_added":
    case "second_factor_removed":
      return writeMail(event.kind, user, { factor: event.factor, url: page("account"), at }, config);
    case "recovery_code_used":
      return writeMail(event.kind, user, { left: event.left, url: page("account"), at }, config);
    case "recovery_codes_replaced":
    case "passkey_counter_fell_back":
    case "second_factors_removed":
      return writeMail(event.kind, user, { url: page("account"), at }, config);
  }
}

/**
 * Composes an invitation. Returns `undefined` if it was accepted or revoked or has expired, if the address has an
 * account now, or if the inviter was deleted.
 */
async function composeInvitation(
  { id }: MailRequest,
  { invitationId, inviterId, email, locale, expiresAt }: Extract<MailEvent, { kind: "invitation" }>,
  { clock, config, invitations, secrets, users }: ComposingParts,
): Promise<WrittenMail | undefined> {
  const [inviter, isWanted] = await Promise.all([users.find(inviterId), invitations.isWanted(invitationId, email)]);
  if (inviter === undefined || !isWanted || clock.now() >= expiresAt) return undefined;
  const link = { subjectId: invitationId, expiresAt, mailId: id };
  const url = invitationUrl(config.links.invitationUrl, "invitation", { ...link, email }, secrets);
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
  returnTo: string | undefined,
  { clock, config, secrets }: ComposingParts,
): WrittenMail | undefined {
  const { resetPasswordUrl, resetPasswordLifetime } = config.links;
  const expiresAt = requestedAt + resetPasswordLifetime;
  // After many retries the link may have expired.
  if (user === undefined || clock.now() >= expiresAt) return undefined;
  const link = { subjectId: user.id, expiresAt, mailId: id, state: recoveryState(user), returnTo };
  const url = linkUrl(resetPasswordUrl, "reset-password", link, secrets);
  const username = quoteUsername(user.username);
  return writeMail("reset_password", user, { username, url, minutes: resetPasswordLifetime / MINUTE }, config);
}

/**
 * Writes the email only for a verified address: another person may have registered an unverified account with this
 * address.
 */
function composeEmailLogin(
  { id, requestedAt }: MailRequest,
  user: User | undefined,
  returnTo: string | undefined,
  { clock, config, secrets }: ComposingParts,
): WrittenMail | undefined {
  const expiresAt = requestedAt + EMAIL_LOGIN_LIFETIME;
  if (!user?.isVerified || clock.now() >= expiresAt) return undefined;
  const link = { subjectId: user.id, expiresAt, mailId: id, state: recoveryState(user), returnTo };
  const url = linkUrl(config.links.emailLoginUrl, "email-login", link, secrets);
  const username = quoteUsername(user.username);
  return writeMail("email_login", user, { username, url, minutes: EMAIL_LOGIN_LIFETIME / MINUTE }, config);
}

/** Returns `undefined` if the login has expired or the account has changed since: the code would no longer work. */
async function composeFactorCode(
  { loginId, epoch, expiresAt }: Extract<MailEvent, { kind: "second_factor_code" }>,
  user: User | undefined,
  { clock, config, secrets }: ComposingParts,
): Promise<WrittenMail | undefined> {
  if (!user?.isActive || user.sessionEpoch !== epoch || clock.now() >= expiresAt) return undefined;
  const key = user.factorKey === null ? undefined : await openFactorKey(user.id, user.factorKey, secrets);
  if (key === undefined) return undefined;
  const code = emailCode(loginId, createSecrets(key));
  const minutes = PENDING_LOGIN_LIFETIME / MINUTE;
  return writeMail("second_factor_code", user, { username: quoteUsername(user.username), code, minutes }, config);
}

/** The email that a registration causes. Only the owner of the mailbox learns whether the address has an account. */
function composeFirstEmail(
  request: MailRequest,
  reading: RegistrationReading,
  returnTo: string | undefined,
  parts: ComposingParts,
): WrittenMail | undefined {
  const { registration, user } = reading;
  if (registration === undefined || user === undefined || !user.isVerified) {
    return composeVerification(request, reading, returnTo, parts);
  }
  return writeMail("account_exists", user, { url: loginUrl(parts.config.publicUrl, returnTo) }, parts.config);
}

/**
 * The email with the link that verifies an address. Each registration has its own link. An account that lost its
 * verification gets a link to set a new password instead: with a verification link, a stranger who registers the
 * address could take over the account.
 */
function composeVerification(
  request: MailRequest,
  { registration, user }: RegistrationReading,
  returnTo: string | undefined,
  parts: ComposingParts,
): WrittenMail | undefined {
  if (user === undefined || user.isVerified) return undefined;
  if (!wasNeverProved(user)) return composeRecovery(request, user, returnTo, parts);
  const { clock, config, secrets } = parts;
  const { id, requestedAt } = request;
  const { verifyEmailUrl, verifyEmailLifetime } = config.links;
  const expiresAt = requestedAt + verifyEmailLifetime;
  if (registration === undefined || clock.now() >= expiresAt) return undefined;
  const link = { subjectId: registration.id, expiresAt, mailId: id, returnTo };
  const url = verificationUrl(verifyEmailUrl, link, hasPassword(registration), secrets);
  const username = quoteUsername(registration.username);
  return writeMail("verify_email", registration, { username, url, hours: verifyEmailLifetime / HOUR }, config);
}
