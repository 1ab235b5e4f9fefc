/**
 * Resetting the password by a mailed link. It proves the address, so it verifies it too; it ends every
 * session, and the owner is told by mail. An account that somebody else opened on the address is the
 * owner's from then on.
 */
import { isRefusal, refuse } from "../http/problems.ts";
import type { Services } from "../services.ts";
import type { User } from "../users/user.ts";
import { isOfState, openLink } from "./link-tokens.ts";
import { loginNamesOf } from "./login-names.ts";

/** What a reset link depends on: it dies with the address, and with whatever ends all sessions. */
export function recoveryState({ email, sessionEpoch }: Pick<User, "email" | "sessionEpoch">) {
  return [email, sessionEpoch];
}

/** `network` is what attempts to log in are counted by: it is the owner's. */
export async function resetPassword(
  services: Services,
  body: { token: string; new_password: string },
  network: string,
) {
  const { audit, clock, loginAttempts, mail, passwordQuality, passwords, secrets, sessions, users } = services;
  const link = openLink("reset-password", body.token, secrets, clock.now());
  if (link.outcome === "expired") return refuse("expired_token");
  if (link.outcome === "invalid") return refuse("invalid_token");

  const { user } = await users.findById(link.subjectId);
  if (user === undefined || !isOfState(link, recoveryState(user))) return refuse("invalid_token");
  const judged = await passwordQuality.require("new_password", body.new_password, user);
  if (isRefusal(judged)) return judged;
  const hashed = await passwords.hash(body.new_password);
  if (isRefusal(hashed)) return hashed;
  // From this statement on no session of before is good; ending them tells the other Workers.
  if (!(await users.resetPassword(user, hashed.hash, clock.now()))) return refuse("invalid_token");
  audit.note("password_reset", { actorId: user.id, userId: user.id, ...judged });
  mail.notify({ kind: "password_changed", userId: user.id });
  await Promise.all([sessions.startAfresh(user.id), loginAttempts.startAfresh(loginNamesOf(user), network)]);
  return { userId: user.id };
}
