/**
 * Logging in: two round trips, [limits ∥ user by name ∥ challenge] → hash → [create session ∥ bookkeeping].
 * What an account's state is, is told after the right password alone.
 */
import type * as z from "zod";
import { isRefusal, type Refusal, refuse } from "../http/problems.ts";
import type { LoginAttempt } from "../limits/login-attempts.ts";
import { createId } from "../platform/random.ts";
import type { Services } from "../services.ts";
import { type User, wasNeverProved } from "../users/user.ts";
import { deviceDigest } from "./device.ts";
import { loginNameOf, loginNamesOf } from "./login-names.ts";
import type { loginBody } from "./schemas.ts";
import type { LoginCandidates, LoginName } from "./store.ts";
import { issueTokenPair } from "./token-pair.ts";

export interface LoginClient {
  /** What the limits count by. */
  network: string;
  ipAddress: string;
  userAgent: string | null;
  /** ISO 3166-1 alpha-2, where the platform tells. */
  country: string | null;
}

type LoginBody = z.output<ReturnType<typeof loginBody>>;

export async function logIn(services: Services, body: LoginBody, client: LoginClient) {
  const name: LoginName =
    body.email === undefined ? { username: (body.username ?? "").toLowerCase() } : { email: body.email.toLowerCase() };
  // Counted by what was typed, known or not, so that 429 tells nobody which.
  const typed = loginNameOf(name);
  const taking = services.loginAttempts.take(typed, client.network);
  try {
    return await attemptLogin(services, body, client, { name, typed, taking });
  } catch (error) {
    // What failed here was nobody's wrong guess.
    await taking.then((attempt) => attempt.giveBack()).catch(() => {});
    throw error;
  }
}

async function attemptLogin(
  services: Services,
  body: LoginBody,
  client: LoginClient,
  { name, typed, taking }: { name: LoginName; typed: string; taking: Promise<LoginAttempt> },
) {
  const { audit, challenge, clock, keyring, mail, random, registrations, sessions, users } = services;
  const [attempt, candidates, , unsolved] = await Promise.all([
    taking,
    registrations.findCandidates(name),
    keyring.warm(),
    challenge.check(body.turnstile_token, client.ipAddress),
  ]);
  const { headers, refusal } = attempt;
  if (refusal !== undefined) return refusal;
  if (unsolved !== undefined) {
    await attempt.giveBack();
    return refuse(unsolved.refused, { headers });
  }

  const proved = await provePassword(services, body.password, candidates, attempt);
  if ("reason" in proved) {
    const { user } = candidates;
    audit.note("login_failed", { userId: user?.id, details: { reason: proved.reason } });
    const isWrong = proved.reason === "wrong_password" || proved.reason === "password_blocked";
    if (isWrong && user !== undefined) noteWrongGuess(services, user, typed, attempt);
    return refuse(proved.refused, { headers });
  }
  if (isRefusal(proved)) {
    // What was not judged costs nothing. A right password that opens no session does: it costs hashing.
    await attempt.giveBack();
    return refuse(proved.refused, { headers });
  }

  const { user, rehash } = proved;
  const now = clock.now();
  const sessionId = createId(now, random);
  const { ipAddress, userAgent } = client;
  const deviceName = body.device_name ?? null;
  const device = deviceDigest({ deviceName, userAgent, country: client.country });
  const [session, isRecorded] = await Promise.all([
    sessions.create(user.id, sessionId, user.sessionEpoch, { deviceName, userAgent, ipAddress, device }),
    users.recordLogin(user, now, rehash),
    attempt.succeed(loginNamesOf(user)),
  ]);
  if (session === null || !isRecorded) {
    // Deleted, disabled or given another password while this one was checked.
    await attempt.disown(loginNamesOf(user));
    if (session !== null) await sessions.end(user.id, sessionId);
    return refuse("invalid_credentials", { headers });
  }
  audit.note("login_succeeded", { actorId: user.id, userId: user.id, details: { session_id: sessionId } });
  const { keyringVersion } = candidates;
  const { expiresAt } = session;
  // A first login is from a new device always.
  if (session.isNewDevice && user.lastLoginAt !== null) {
    mail.notify({ kind: "new_login", userId: user.id, device: deviceName ?? userAgent, ipAddress });
  }
  const tokens = await issueTokenPair(services, { user, sessionId, generation: 1, expiresAt, keyringVersion });
  return { tokens, user: { ...user, lastLoginAt: now }, headers };
}

/**
 * After the answer, since it is done for known names alone: counts a wrong guess by the account's other name too,
 * and after too many in a row lets the password work no more where nobody has logged in before
 * (NIST SP 800-63B-4 §3.2.2). A registration that nobody proved is no account: nothing is told by way of it, and
 * whoever proves the address begins anew.
 */
function noteWrongGuess(services: Services, user: User, typed: string, attempt: LoginAttempt): void {
  const { afterwards, audit, clock, mail, users } = services;
  if (wasNeverProved(user)) return;
  for (const other of loginNamesOf(user).filter((own) => own !== typed)) afterwards.note(() => attempt.share(other));
  if (!attempt.isLast || user.passwordBlockedAt !== null) return;
  afterwards.note(async () => {
    if (!(await users.blockPassword(user, clock.now()))) return;
    audit.note("password_blocked", { userId: user.id });
    mail.notify({ kind: "password_blocked", userId: user.id });
  });
}

/** A refusal, and what only the audit log may say of it. */
interface Failed extends Refusal<"invalid_credentials" | "email_not_verified" | "account_disabled" | "busy"> {
  reason: "unknown_name" | "wrong_password" | "password_blocked" | "email_not_verified" | "account_disabled";
}

/**
 * Whose password it is. A registration that waits under the same name is tried as well, whether or not
 * its address has an owner: else registering, then logging in, would tell which addresses have one.
 */
async function provePassword(
  { passwords }: Services,
  password: string,
  { user, registration }: LoginCandidates,
  { isBlocked, isFamiliar }: Pick<LoginAttempt, "isBlocked" | "isFamiliar">,
): Promise<{ user: User; rehash?: { from: string; to: string } } | Failed | Refusal<"busy">> {
  const check = await passwords.check(password, user?.passwordHash);
  if (isRefusal(check)) return check;
  // Checked all the same, so that neither the time nor the answer tells a guess that it was right.
  if (isBlocked || (!isFamiliar && user !== undefined && user.passwordBlockedAt !== null)) {
    return { refused: "invalid_credentials", reason: "password_blocked" };
  }
  const isUsers = check.matches && user !== undefined;
  if (isUsers && user.isVerified) {
    if (!user.isActive) return { refused: "account_disabled", reason: "account_disabled" };
    const rehash = check.rehashed === undefined ? undefined : { from: user.passwordHash, to: check.rehashed };
    return { user, ...(rehash === undefined ? {} : { rehash }) };
  }
  const isUnknown = user === undefined && registration === undefined;
  const wrong: Failed = { refused: "invalid_credentials", reason: isUnknown ? "unknown_name" : "wrong_password" };
  const unverified: Failed = { refused: "email_not_verified", reason: "email_not_verified" };
  // Where one waits, it alone decides: an older password of an unverified user must not tell that there is no owner.
  if (registration === undefined || (isUsers && !wasNeverProved(user))) return isUsers ? unverified : wrong;
  const waiting = await passwords.check(password, registration.passwordHash);
  // The user's password was judged: given back, a guess at it would be free whenever the lane is full.
  if (isRefusal(waiting)) return { ...waiting, reason: wrong.reason };
  return waiting.matches ? unverified : wrong;
}
