/**
 * Deletes an account with its sessions and its personal data. Two things remain: a digest that reserves the username
 * for a while, and audit events without personal data. The revocation record in KV expires by itself when the last
 * access token has expired.
 */
import type { AuditTrail } from "../audit/trail.ts";
import type { Config } from "../config/config.ts";
import type { LoginAttempts } from "../limits/login-attempts.ts";
import type { MailQueue } from "../mail/requests.ts";
import type { Clock } from "../platform/clock.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";
import type { Sessions } from "../sessions/session-calls.ts";
import type { DeletionStore } from "../users/deletions.ts";
import type { EmailChange, EmailChangeStore } from "../users/email-changes.ts";
import { loginNameKeys } from "../users/login-names.ts";
import type { User } from "../users/user.ts";
import type { UserStore } from "../users/users.ts";

interface Services {
  audit: AuditTrail;
  clock: Clock;
  config: Config;
  deletions: DeletionStore;
  emailChanges: EmailChangeStore;
  loginAttempts: LoginAttempts;
  mail: MailQueue;
  sessions: Sessions;
  users: UserStore;
}

/**
 * Refused without any effect if the account belongs to the last superuser. If the account changed meanwhile, or the
 * actor lost the permission, the account stays, but its sessions have ended.
 */
export async function deleteAccount(
  { audit, clock, config, deletions, emailChanges, loginAttempts, mail, sessions, users }: Services,
  user: User,
  actor: User,
): Promise<Refusal<"last_superuser"> | Refusal<"precondition_failed"> | undefined> {
  // Checked before the sessions end, so that a refusal does not log a superuser out.
  if (user.isSuperuser && !(await users.hasOtherSuperuser(user.id))) return refuse("last_superuser");
  // Sessions end first: if this failed after the user was deleted, it could not be tried again.
  const [changes] = await Promise.all([emailChanges.listOf(user.id), sessions.forgetAll(user.id)]);
  const refused = await deletions.delete(user, actor, clock.now() + config.accounts.usernameRetirement);
  if (refused !== undefined) return refused;

  audit.note("account_deleted", { actorId: actor.id, userId: user.id });
  for (const email of concernedAddresses(user, changes)) {
    mail.notify({ kind: "account_deleted", email, locale: user.locale });
  }
  // Ends sessions that were opened between the two steps, and logins that are under way.
  await Promise.all([sessions.close(user.id), loginAttempts.reset(loginNameKeys(user))]);
  return undefined;
}

/**
 * The addresses to notify: the user's own, and the former ones from which a change can still be undone. If an attacker
 * changed the address, the owner reads the former one.
 */
function concernedAddresses(user: User, changes: readonly EmailChange[]): Set<string> {
  const undoable = changes.filter(({ confirmedAt, undoneAt }) => confirmedAt !== null && undoneAt === null);
  return new Set([user.email, ...undoable.map(({ oldEmail }) => oldEmail)]);
}
