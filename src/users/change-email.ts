/**
 * Changing the address. Asked for with the password; nothing changes until the new address confirms it,
 * and for a while after that the old address can undo it. Whether the new address has an account is
 * told to that address alone.
 */
import type { Principal } from "../access/require-user.ts";
import { isRefusal, refuse } from "../http/problems.ts";
import { type Limit, mailLimit } from "../limits/limiter.ts";
import { createId } from "../platform/random.ts";
import type { Services } from "../services.ts";

/** `network` is what the limits count the client by. */
export async function requestEmailChange(
  services: Services,
  { user }: Principal,
  { email, password }: { email: string; password: string },
  network: string,
) {
  const { audit, clock, emailChanges, limiter, mail, passwords, random } = services;
  if (email === user.email) {
    const message = "This is already your email address.";
    return refuse("validation_failed", { errors: [{ field: "email", code: "unchanged", message }] });
  }
  const guesses = { rule: "passwordCheckPerUser", key: user.id } as const;
  const mails: Limit[] = [
    mailLimit("confirm_email", email),
    mailLimit("email_change_requested", user.email),
    { rule: "mailPerAddress", key: network },
  ];
  const { headers, refusal } = await limiter.take([guesses, ...mails]);
  if (refusal !== undefined) return refusal;

  const check = await passwords.check(password, user.passwordHash);
  if (isRefusal(check)) {
    await limiter.giveBack([guesses, ...mails]);
    return refuse(check.refused, { headers });
  }
  await limiter.giveBack(check.matches ? [guesses] : mails);
  if (!check.matches) return refuse("wrong_password", { headers });

  const requestedAt = clock.now();
  const id = createId(requestedAt, random);
  const { id: userId, email: oldEmail, sessionEpoch } = user;
  const unmade = { confirmedAt: null, undoneAt: null };
  const change = { id, userId, oldEmail, newEmail: email, sessionEpoch, requestedAt, ...unmade };
  // Deleted, or given another password while this one was checked.
  if (!(await emailChanges.request(change))) return refuse("invalid_access_token", { headers });
  await Promise.all([
    mail.request({ kind: "confirm_email", changeId: id }),
    mail.request({ kind: "email_change_requested", changeId: id }),
  ]);
  audit.note("email_change_requested", { actorId: userId, userId });
  return { headers };
}
