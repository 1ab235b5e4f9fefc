/** Spends a verification link. The same link again answers alike; once one is spent, the others are dead. */
import { refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import { fingerprint, linkHash, openLink } from "./link-tokens.ts";

export async function verifyEmail({ clock, secrets, users }: Services, token: string) {
  const link = openLink("verify-email", token, secrets, clock.now());
  if (link.outcome === "expired") return refuse("expired_token");
  if (link.outcome === "invalid") return refuse("invalid_token");

  const { user } = await users.findById(link.content.userId);
  if (user === undefined || fingerprint([user.email]) !== link.content.fingerprint) return refuse("invalid_token");
  const { verified } = await users.verifyEmail(user.id, user.email, linkHash(token), clock.now());
  return verified ? ({ status: "verified" } as const) : refuse("invalid_token");
}
