/**
 * The emails about a change of email address: a link to the new address, and notices to the old address, with a link
 * that undoes the change. No email is sent about a change that was deleted or undone. If the user has requested a newer
 * change, the new address gets no email.
 */
import { linkUrl } from "../links/link-url.ts";
import { HOUR } from "../platform/clock.ts";
import { unicodeEmail } from "../platform/email-address.ts";
import type { EmailChange } from "../users/email-changes.ts";
import type { User } from "../users/user.ts";
import { quoteAddress, quoteUsername } from "./client-words.ts";
import type { ComposingParts } from "./composing-parts.ts";
import type { WrittenMail } from "./render.ts";
import type { MailEvent, MailRequest } from "./requests.ts";
import { writeMail } from "./write.ts";

/** A change and its user. */
interface CurrentChange {
  change: EmailChange;
  user: User;
}

/** The email of one kind about a change, or `undefined` if it is no longer needed. */
export async function composeEmailChange(
  { id }: MailRequest,
  { changeId, kind }: Extract<MailEvent, { changeId: string }>,
  parts: ComposingParts,
): Promise<WrittenMail | undefined> {
  const { change, isNewest, user, holder } = await parts.emailChanges.find(changeId);
  if (change === undefined || user === undefined || change.undoneAt !== null) return undefined;
  const current = { change, user };
  const { undoEmailChangeLifetime, verifyEmailLifetime } = parts.config.links;
  const confirmableUntil = change.requestedAt + verifyEmailLifetime;
  switch (kind) {
    case "confirm_email":
      if (!isNewest || !isWaiting(current) || parts.clock.now() >= confirmableUntil) return undefined;
      // Only the owner of the new address learns that the address already has an account.
      return holder === undefined
        ? composeConfirmation(id, current, confirmableUntil, parts)
        : writeMail("email_in_use", holder, { url: `${parts.config.publicUrl}/login` }, parts.config);
    case "email_change_requested":
      // This notice is also sent if the change was confirmed or the password was changed meanwhile: an attacker who is
      // quick must not be able to prevent the notice.
      if (change.confirmedAt === null && user.email !== change.oldEmail) return undefined;
      // A change that is confirmed at the last moment can still be undone for the full time.
      return composeUndo(kind, id, current, confirmableUntil + undoEmailChangeLifetime, parts);
    case "email_changed":
      if (change.confirmedAt === null) return undefined;
      return composeUndo(kind, id, current, change.confirmedAt + undoEmailChangeLifetime, parts);
  }
}

/**
 * Whether the change can still be confirmed: it is not confirmed yet, and since the request, the user's address has not
 * changed and the user's sessions have not been ended.
 */
function isWaiting({ change, user }: CurrentChange): boolean {
  return change.confirmedAt === null && user.email === change.oldEmail && user.sessionEpoch === change.sessionEpoch;
}

function composeConfirmation(
  mailId: string,
  { change, user }: CurrentChange,
  expiresAt: number,
  { config, secrets }: ComposingParts,
): WrittenMail {
  const { confirmEmailUrl, verifyEmailLifetime } = config.links;
  const link = { subjectId: change.id, expiresAt, mailId, state: [] };
  const url = linkUrl(confirmEmailUrl, "confirm-email", link, secrets);
  const recipient = { email: change.newEmail, locale: user.locale };
  const username = quoteUsername(user.username);
  return writeMail("confirm_email", recipient, { username, url, hours: verifyEmailLifetime / HOUR }, config);
}

function composeUndo(
  kind: "email_change_requested" | "email_changed",
  mailId: string,
  { change, user }: CurrentChange,
  until: number,
  { clock, config, secrets }: ComposingParts,
): WrittenMail | undefined {
  if (clock.now() >= until) return undefined;
  const link = { subjectId: change.id, expiresAt: until, mailId, state: [] };
  const url = linkUrl(config.links.undoEmailChangeUrl, "undo-email-change", link, secrets);
  const recipient = { email: change.oldEmail, locale: user.locale };
  return writeMail(kind, recipient, { newEmail: quoteAddress(maskEmail(change.newEmail)), url, until }, config);
}

/**
 * Shows an address as `b…@example.org`. A user recognizes an address that they entered themselves. An address that
 * someone else entered is not revealed.
 */
function maskEmail(email: string): string {
  const shown = unicodeEmail(email);
  const [first = ""] = shown;
  return `${first}…${shown.slice(shown.lastIndexOf("@"))}`;
}
