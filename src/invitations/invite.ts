/**
 * Inviting somebody: a mailed link by which they choose their username and password. Nothing is stored, and whoever was
 * invited in vain can be invited again.
 */
import { refuse } from "../http/problems.ts";
import { createId } from "../platform/random.ts";
import type { Services } from "../services.ts";
import type { User } from "../users/user.ts";

/** An operator may be told that an address has an account: they can list them. */
export async function invite(
  { audit, clock, config, invitations, mail, random }: Services,
  inviter: User,
  { email, locale = inviter.locale }: { email: string; locale?: string | undefined },
) {
  if (await invitations.isOwned(email)) return refuse("email_taken");
  const now = clock.now();
  const invitationId = createId(now, random);
  const expiresAt = now + config.links.invitationLifetime;
  await mail.request({ kind: "invitation", invitationId, inviterId: inviter.id, email, locale, expiresAt });
  audit.note("user_invited", { actorId: inviter.id, details: { invitation_id: invitationId } });
  return { expiresAt };
}
