/**
 * Spends a verification link: two round trips, [verify] → [guards], one where it was spent before. The same link again answers alike; once one is spent, every
 * other link of the address is dead.
 */
import { refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import { linkHash, openLink } from "./link-tokens.ts";
import { loginNamesOf } from "./login-names.ts";

/** `network` is what attempts to log in are counted by: it is the owner's, whatever others guessed before. */
export async function verifyEmail(
  { audit, clock, loginAttempts, registrations, secrets }: Services,
  token: string,
  network: string,
) {
  const now = clock.now();
  const link = openLink("verify-email", token, secrets, now);
  if (link.outcome === "expired") return refuse("expired_token");
  if (link.outcome === "invalid") return refuse("invalid_token");
  const { user, isFirst } = await registrations.verify(link.subjectId, linkHash(token), now);
  if (user === undefined) return refuse("invalid_token");
  if (isFirst) {
    audit.note("email_verified", { actorId: user.id, userId: user.id });
    await loginAttempts.startAfresh(loginNamesOf(user), network);
  }
  return { status: "verified" } as const;
}
