/**
 * Spends the link by which the old address undoes a change: it is the user's again, every session ends, and
 * the password, which whoever changed the address knew, opens nothing any more. A reset link follows by mail.
 */
import { refuse } from "../http/problems.ts";
import { mailLimit } from "../limits/limiter.ts";
import { NO_PASSWORD } from "../passwords/passwords.ts";
import type { Services } from "../services.ts";
import { openLink } from "./link-tokens.ts";
import { loginNameOf } from "./login-names.ts";

/** `network` is what attempts to log in are counted by: it is the owner's. */
export async function undoEmailChange(services: Services, token: string, network: string) {
  const { audit, clock, emailChanges, loginAttempts, secrets, sessions } = services;
  const now = clock.now();
  const link = openLink("undo-email-change", token, secrets, now);
  if (link.outcome === "expired") return refuse("expired_token");
  if (link.outcome === "invalid") return refuse("invalid_token");
  const { change, user } = await emailChanges.find(link.subjectId);
  if (change === undefined) return refuse("invalid_token");

  const step = await emailChanges.undo(change, now);
  if (step.outcome === "email_taken") return refuse("email_taken");
  if (step.outcome === "dead") return refuse("invalid_token");
  const { userId } = change;
  if (step.isFirst) {
    audit.note("email_change_undone", { userId });
    await Promise.all([
      loginAttempts.startAfresh([loginNameOf({ email: change.oldEmail })], network),
      loginAttempts.startAfresh([loginNameOf({ email: change.newEmail })]),
    ]);
  }
  // Again too, while the owner has no new password: what failed the first time is made good.
  if (step.isFirst || user?.passwordHash === NO_PASSWORD) {
    await Promise.all([sessions.startAfresh(userId), sendReset(services, change.oldEmail, step.isFirst)]);
  }
  return { status: "undone" } as const;
}

/** The link by which the owner chooses a new password. Whoever uses the undoing link again and again gets a few. */
async function sendReset({ limiter, mail }: Services, email: string, isFirst: boolean): Promise<void> {
  const { refusal } = await limiter.take([mailLimit("undo_email_change", email)]);
  if (isFirst || refusal === undefined) await mail.request({ kind: "reset_password", email });
}
