/**
 * Changing the password: the session that asks lives on, every other ends, and the owner is told by mail.
 */
import type { Principal } from "../access/require-user.ts";
import { loginNamesOf } from "../auth/login-names.ts";
import { isRefusal, refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";

/** `network` is what attempts to log in are counted by: it is the owner's. */
export async function changePassword(
  services: Services,
  { user, sessionId }: Principal,
  body: { current_password: string; new_password: string },
  network: string,
) {
  const { audit, clock, limiter, loginAttempts, mail, passwordQuality, passwords, sessions, users } = services;
  const limits = [{ rule: "passwordCheckPerUser", key: user.id } as const];
  const { headers, refusal } = await limiter.take(limits);
  if (refusal !== undefined) return refusal;

  const check = await passwords.check(body.current_password, user.passwordHash);
  if (!isRefusal(check) && !check.matches) return refuse("wrong_password", { headers });
  await limiter.giveBack(limits);
  if (isRefusal(check)) return refuse(check.refused, { headers });
  const judged = await passwordQuality.require("new_password", body.new_password, user);
  if (isRefusal(judged)) return { ...judged, headers };
  const hashed = await passwords.hash(body.new_password);
  if (isRefusal(hashed)) return refuse(hashed.refused, { headers });

  // First this session into the next epoch, then the epoch: so no request of it is refused in between.
  const next = user.sessionEpoch + 1;
  await sessions.adopt(user.id, sessionId, next);
  if (!(await users.changePassword(user.id, user.sessionEpoch, hashed.hash, clock.now()))) {
    // Somebody else changed it at the same moment, which ends this session as it ends every other.
    await sessions.end(user.id, sessionId);
    return refuse("invalid_access_token", { headers });
  }
  audit.note("password_changed", { actorId: user.id, userId: user.id, ...judged });
  mail.notify({ kind: "password_changed", userId: user.id });
  await Promise.all([sessions.endAllBut(user.id, sessionId), loginAttempts.startAfresh(loginNamesOf(user), network)]);
  return { headers };
}
