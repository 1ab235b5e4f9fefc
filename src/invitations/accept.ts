/**
 * Accepting an invitation. Its link proves the address, so whoever accepts is a verified user at once, in place of
 * whoever registered the address and never proved it. The link dies when the address has an owner; a refused
 * username or password leaves it good.
 */
import type * as z from "zod";
import { isOfState, linkHash, openLink } from "../auth/link-tokens.ts";
import { loginNamesOf } from "../auth/login-names.ts";
import { refuseInvitation } from "../auth/registration-policy.ts";
import { isRefusal, refuse } from "../http/problems.ts";
import { createId } from "../platform/random.ts";
import type { Services } from "../services.ts";
import { usernameTaken } from "../users/fields.ts";
import type { acceptInvitationBody } from "./operations.ts";

/** `network` is what attempts to log in are counted by: it is the owner's. */
export async function acceptInvitation(
  { audit, clock, config, invitations, loginAttempts, passwordQuality, passwords, random, secrets }: Services,
  body: z.output<ReturnType<typeof acceptInvitationBody>>,
  { locale, network }: { locale: string; network: string },
) {
  const closed = refuseInvitation(config);
  if (closed !== undefined) return closed;
  const link = openLink("invitation", body.token, secrets, clock.now());
  if (link.outcome === "expired") return refuse("expired_token");
  // The link knows its address by a fingerprint alone.
  if (link.outcome === "invalid" || !isOfState(link, invitationState(body.email))) return refuse("invalid_token");
  // Told plainly: whoever has the link has the mailbox.
  if (await invitations.isUsed(body.email, linkHash(body.token))) return refuse("invitation_used");

  const judged = await passwordQuality.require("password", body.password, body);
  if (isRefusal(judged)) return judged;
  const hashed = await passwords.hash(body.password);
  if (isRefusal(hashed)) return hashed;
  const now = clock.now();
  const accepted = await invitations.accept(
    {
      id: createId(now, random),
      email: body.email,
      username: body.username,
      passwordHash: hashed.hash,
      firstName: body.first_name ?? null,
      lastName: body.last_name ?? null,
      phone: body.phone ?? null,
      locale,
      link: linkHash(body.token),
    },
    now,
    now - config.accounts.unverifiedLifetime,
  );
  if (accepted.outcome === "username_taken") return usernameTaken();
  if (accepted.outcome === "used") return refuse("invitation_used");
  const { userId } = accepted;
  const details = { invitation_id: link.subjectId, ...judged.details };
  // Whatever others guessed at these names before.
  await loginAttempts.startAfresh(loginNamesOf(body), network);
  audit.note("invitation_accepted", { actorId: userId, userId, details });
  return { userId };
}

/** What an invitation's link depends on. */
export function invitationState(email: string): string[] {
  return [email];
}
