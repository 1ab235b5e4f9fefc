/** Spends the link that was mailed to a new address: from then on it is the user's. The same link again answers alike. */
import { refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import { openLink } from "./link-tokens.ts";
import { loginNameOf } from "./login-names.ts";

/** `network` is what attempts to log in are counted by: it is the owner's. */
export async function confirmEmail(
  { audit, clock, emailChanges, loginAttempts, mail, secrets }: Services,
  token: string,
  network: string,
) {
  const now = clock.now();
  const link = openLink("confirm-email", token, secrets, now);
  if (link.outcome === "expired") return refuse("expired_token");
  if (link.outcome === "invalid") return refuse("invalid_token");
  const { change } = await emailChanges.find(link.subjectId);
  if (change === undefined) return refuse("invalid_token");

  const step = await emailChanges.confirm(change, now);
  if (step.outcome === "email_taken") return refuse("email_taken");
  if (step.outcome === "dead") return refuse("invalid_token");
  const { userId } = change;
  if (step.isFirst) {
    audit.note("email_changed", { actorId: userId, userId });
    mail.notify({ kind: "email_changed", changeId: change.id });
    await Promise.all([
      loginAttempts.startAfresh([loginNameOf({ email: change.newEmail })], network),
      // Whoever has this address next is somebody else.
      loginAttempts.startAfresh([loginNameOf({ email: change.oldEmail })]),
    ]);
  }
  return { status: "confirmed" } as const;
}
