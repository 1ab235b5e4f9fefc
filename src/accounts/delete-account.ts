/**
 * Deletes an account with its sessions and its personal data. Two things remain: a digest that reserves the username
 * for a while, and audit events without personal data. The revocation record in KV expires by itself, soon after
 * the last access token.
 */
import type { Config } from "../config/config.ts";
import type { LoginAttempts } from "../limits/login-attempts.ts";
import type { Clock } from "../platform/clock.ts";
import type { Refusal } from "../platform/refusal.ts";
import type { DeletionStore } from "../users/deletions.ts";
import type { EmailChange, EmailChangeStore } from "../users/email-changes.ts";
import { loginNameKeys } from "../users/login-names.ts";
import type { User } from "../users/user.ts";
import type { FollowUps } from "./follow-ups.ts";

interface Services {
  clock: Clock;
  config: Config;
  deletions: DeletionStore;
  emailChanges: EmailChangeStore;
  followUps: FollowUps;
  loginAttempts: LoginAttempts;
}

/**
 * Deletes the account. Changes nothing and returns a refusal if the account belongs to the last superuser who can log
 * in, if the account has changed since `user` was read, or if the actor has lost the role since `actor` was read.
 */
export async function deleteAccount(
  { clock, config, deletions, emailChanges, followUps, loginAttempts }: Services,
  user: User,
  actor: User,
): Promise<Refusal<"last_superuser"> | Refusal<"precondition_failed"> | undefined> {
  const addresses = concernedAddresses(user, await emailChanges.listOf(user.id));
  const consequences = followUps.of({
    events: [{ type: "account_deleted", actorId: actor.id, userId: user.id }],
    mails: [...addresses].map((email) => ({ kind: "account_deleted", email, locale: user.locale })),
    anonymises: user.id,
    sessionsOf: { userId: user.id },
  });
  const retiredUntil = clock.now() + config.accounts.usernameRetirement;
  const refused = await deletions.delete(user, actor, { consequences, retiredUntil });
  if (refused !== undefined) return refused;
  await Promise.all([followUps.carryOut(consequences), loginAttempts.reset(loginNameKeys(user))]);
  return undefined;
}

/**
 * The addresses to notify: the user's current address, and each former address from which a change can still be undone.
 * If an attacker changed the address, only the former address reaches the owner.
 */
function concernedAddresses(user: User, changes: readonly EmailChange[]): Set<string> {
  const undoable = changes.filter(({ confirmedAt, undoneAt }) => confirmedAt !== null && undoneAt === null);
  return new Set([user.email, ...undoable.map(({ oldEmail }) => oldEmail)]);
}
