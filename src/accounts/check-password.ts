/**
 * Checks a user's password: at login, and when a logged-in user confirms a change with the password. Wrong guesses in
 * both cases count towards the same block of the password.
 */
import type { AuditTrail } from "../audit/trail.ts";
import type { LoginAttempts } from "../limits/login-attempts.ts";
import type { GuardVerdict } from "../limits/login-guard-state.ts";
import { hasPassword, type Passwords } from "../passwords/passwords.ts";
import type { AfterResponse } from "../platform/after-response.ts";
import type { Clock } from "../platform/clock.ts";
import { isRefusal, missingField, type Refusal, refuse } from "../platform/refusal.ts";
import { loginNameKeys } from "../users/login-names.ts";
import type { User } from "../users/user.ts";
import type { UserStore } from "../users/users.ts";
import type { FollowUps } from "./follow-ups.ts";

/**
 * The result of a check. `rehashed` is the password's hash at the configured cost, if the stored hash has another cost.
 */
export type PasswordCheck =
  | { outcome: "right"; rehashed: string | undefined }
  | { outcome: "wrong_password" | "password_blocked" };

/** Checks a password. If the user does not exist (`undefined`), the check takes the same time. */
export async function checkPassword(
  { passwords }: { passwords: Passwords },
  user: Pick<User, "passwordHash" | "passwordBlockedAt"> | undefined,
  password: string,
  { isBlocked, isKnownNetwork }: Pick<GuardVerdict, "isBlocked" | "isKnownNetwork">,
): Promise<PasswordCheck | Refusal<"busy">> {
  const check = await passwords.check(password, user?.passwordHash);
  if (isRefusal(check)) return check;
  // The block is checked only after the password, and hides the result of that check. So neither the response time nor
  // the answer reveals that a guess was correct.
  if (isBlocked || (!isKnownNetwork && user !== undefined && user.passwordBlockedAt !== null)) {
    return { outcome: "password_blocked" };
  }
  return check.matches ? { outcome: "right", rehashed: check.rehashed } : { outcome: "wrong_password" };
}

interface BlockingServices {
  afterResponse: AfterResponse;
  clock: Clock;
  followUps: FollowUps;
  users: UserStore;
}

/**
 * Blocks the password after the last allowed wrong guess in a row (NIST SP 800-63B-4 §3.2.2). From then on, the
 * password works only on networks from which the user has logged in before. The owner gets an email. Runs after the
 * response, because only existing accounts need this work, and a slower response would reveal them.
 */
export function blockAfterLastGuess(
  { afterResponse, clock, followUps, users }: BlockingServices,
  user: User,
  { isLast }: Pick<GuardVerdict, "isLast">,
): void {
  if (!isLast || user.passwordBlockedAt !== null) return;
  afterResponse.add(async () => {
    const consequences = followUps.of({
      events: [{ type: "password_blocked", userId: user.id }],
      mails: [{ kind: "password_blocked", userId: user.id }],
    });
    const isBlocked = await users.blockPassword(user, { consequences, now: clock.now() });
    if (isBlocked) await followUps.carryOut(consequences);
  });
}

interface Services extends BlockingServices {
  audit: AuditTrail;
  loginAttempts: LoginAttempts;
  passwords: Passwords;
}

/**
 * Replaces the login guard's verdict until the logged-in user has entered a wrong current password from this network.
 * Wrong guesses by others at login must not lock this user out, because a live session proves more than a password.
 */
const UNSUSPECTED = { isBlocked: false, isKnownNetwork: true };

/** What a user sends to confirm a change: the current password, in the field `field`. */
interface Confirmation {
  field: string;
  password: string | undefined;
}

/**
 * Checks the current password that confirms a change. A user without a password sends none: for such a user, the
 * endpoint's caller kind `confirmingUser` has already checked that the login is recent.
 */
export async function confirmChange(
  services: Services,
  user: User,
  confirmation: Confirmation & { network: string },
): Promise<Refusal<"validation_failed"> | Refusal<"wrong_password"> | Refusal<"busy"> | undefined> {
  const { password, network } = confirmation;
  if (password === undefined) return requireConfirmation(user, confirmation);
  return checkCurrentPassword(services, user, password, network);
}

/** Refuses a request without a password if the user has one. Endpoints call this before limits count the request. */
export function requireConfirmation(
  user: User,
  { field, password }: Confirmation,
): Refusal<"validation_failed"> | undefined {
  if (password !== undefined || !hasPassword(user)) return undefined;
  return refuse("validation_failed", { errors: [missingField(field)] });
}

/**
 * Checks the current password of a logged-in user, and records a wrong guess. If the password is blocked, and the user
 * has already entered a wrong one from this network, even the right password is accepted only on networks from which
 * the user has logged in before. The endpoint that calls this must declare the limit `passwordGuesses`, which counts
 * only wrong passwords.
 */
export async function checkCurrentPassword(
  services: Services,
  user: User,
  password: string,
  network: string,
): Promise<Refusal<"wrong_password"> | Refusal<"busy"> | undefined> {
  const { audit, loginAttempts } = services;
  const guess = await loginAttempts.takeCurrent(loginNameKeys(user), network);
  let check: PasswordCheck | Refusal<"busy"> | undefined;
  try {
    check = await checkPassword(services, user, password, guess.isFirst ? UNSUSPECTED : guess);
  } finally {
    // Only a wrong password stays counted. If the hashing queue was full or the check failed, no password was compared.
    if (check === undefined || isRefusal(check) || check.outcome === "right") await guess.refund();
  }
  if (isRefusal(check)) return check;
  if (check.outcome === "right") return undefined;
  audit.note("password_check_failed", { actorId: user.id, userId: user.id, details: { reason: check.outcome } });
  blockAfterLastGuess(services, user, guess);
  return refuse("wrong_password");
}
