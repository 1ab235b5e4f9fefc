/**
 * Leaving: the account, its sessions and its personal data are gone. What remains is a digest that keeps
 * the username from being borne for a while, and audit events of an id that names nobody any more. The
 * revocation record in KV lapses by itself when the last access token has expired.
 */
import type { Principal } from "../access/require-user.ts";
import { loginNamesOf } from "../auth/login-names.ts";
import { isRefusal, type Refusal, refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import type { Deletion } from "./deletion-store.ts";
import type { EmailChange } from "./email-change-store.ts";
import type { User } from "./user.ts";

/** Deletes the account of somebody who shows their password. */
export async function deleteOwnAccount(services: Services, { user }: Principal, { password }: { password: string }) {
  const { limiter, passwords } = services;
  const limits = [{ rule: "passwordCheckPerUser", key: user.id } as const];
  const { headers, refusal } = await limiter.take(limits);
  if (refusal !== undefined) return refusal;
  const check = await passwords.check(password, user.passwordHash);
  if (!isRefusal(check) && !check.matches) return refuse("wrong_password", { headers });
  await limiter.giveBack(limits);
  if (isRefusal(check)) return refuse(check.refused, { headers });

  const refused = await deleteAccount(services, user, user);
  return refused === undefined ? { headers } : refuse(refused.refused, { ...refused, headers });
}

/**
 * Deletes an account. Nothing happens, and the refusal says why, where it is the last superuser's. Where somebody
 * changed it meanwhile, or the actor is no longer who may, the account stays, and only its sessions have ended.
 */
export async function deleteAccount(
  { audit, clock, config, deletions, emailChanges, loginAttempts, mail, sessions, users }: Services,
  user: User,
  actor: User,
): Promise<Refusal<"last_superuser" | "precondition_failed"> | undefined> {
  // A superuser first asks whether they may, so that a refusal does not log them out.
  if (user.isSuperuser && !(await users.hasOtherSuperuser(user.id))) return refuse("last_superuser");
  // Sessions first: were the user gone and this failed, nobody could try again.
  const [changes] = await Promise.all([emailChanges.listOf(user.id), sessions.startAfresh(user.id)]);
  const deletion: Deletion = await deletions.delete(user, actor, clock.now() + config.accounts.usernameRetirement);
  if (deletion === "last_superuser") return refuse("last_superuser");
  if (deletion === "changed_meanwhile") return refuse("precondition_failed");

  audit.note("account_deleted", { actorId: actor.id, userId: user.id });
  for (const email of concernedAddresses(user, changes)) {
    mail.notify({ kind: "account_deleted", email, locale: user.locale });
  }
  // Whoever logged in between the two steps, and whoever is about to.
  await Promise.all([sessions.close(user.id), loginAttempts.startAfresh(loginNamesOf(user))]);
  return undefined;
}

/** The user's address, and those that could still undo a change of it: it may have been no wish of theirs. */
function concernedAddresses(user: User, changes: readonly EmailChange[]): Set<string> {
  const undoable = changes.filter(({ confirmedAt, undoneAt }) => confirmedAt !== null && undoneAt === null);
  return new Set([user.email, ...undoable.map(({ oldEmail }) => oldEmail)]);
}
