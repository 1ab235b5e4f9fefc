/**
 * The mails about a change of address: the link to the new one, and the notices to the old one, which can undo
 * the change. A change that is gone, undone or overtaken gets none.
 */

import { linkUrl } from "../links/link-url.ts";
import { HOUR } from "../platform/clock.ts";
import type { EmailChange } from "../users/email-changes.ts";
import type { User } from "../users/user.ts";
import { quoteUsername } from "./client-words.ts";
import type { ComposingParts } from "./compose.ts";
import type { MailEvent, MailRequest } from "./requests.ts";
import { type WrittenMail, writeMail } from "./write.ts";

/** A change and the user whose it is. */
interface CurrentChange {
  change: EmailChange;
  user: User;
}

/** The mail of one kind about a change, or `undefined` where there is nothing to say any more. */
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
      // The new address alone is told that it has an account.
      return holder === undefined
        ? composeConfirmation(id, current, confirmableUntil, parts)
        : writeMail("email_in_use", holder, {}, parts.config);
    case "email_change_requested":
      // Told after the confirmation too, and after a new password: whoever is quick must not keep the notice away.
      if (change.confirmedAt === null && user.email !== change.oldEmail) return undefined;
      // Confirmed at the last moment, it can still be undone for as long as any other.
      return composeUndo(kind, id, current, confirmableUntil + undoEmailChangeLifetime, parts);
    case "email_changed":
      if (change.confirmedAt === null) return undefined;
      return composeUndo(kind, id, current, change.confirmedAt + undoEmailChangeLifetime, parts);
  }
}

/** Whether the change can still be confirmed: nothing has moved the address or ended all sessions meanwhile. */
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
  return writeMail(kind, recipient, { newEmail: maskEmail(change.newEmail), url, until }, config);
}

/** `b…@example.org`: enough for whoever asked to know it again, and not the address of somebody who did not. */
function maskEmail(email: string): string {
  const [first = ""] = email;
  return `${first}…${email.slice(email.lastIndexOf("@"))}`;
}
