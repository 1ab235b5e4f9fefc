/**
 * Logging in: two round trips, [limits ∥ user by name] → hash → [create session ∥ bookkeeping].
 * What an account's state is, is told after the right password alone.
 */
import type * as z from "zod";
import { isRefusal, refuse } from "../http/problems.ts";
import type { Limit } from "../limits/limiter.ts";
import { createId } from "../platform/random.ts";
import type { Services } from "../services.ts";
import type { loginBody } from "./schemas.ts";
import type { LoginCandidates, LoginName } from "./store.ts";
import { issueTokenPair } from "./token-pair.ts";

export interface LoginClient {
  /** What the limits count by. */
  network: string;
  ipAddress: string;
  userAgent: string | null;
}

export async function logIn(services: Services, body: z.output<ReturnType<typeof loginBody>>, client: LoginClient) {
  const { clock, keyring, limiter, random, registrations, sessions, users } = services;
  const name: LoginName =
    body.email === undefined ? { username: (body.username ?? "").toLowerCase() } : { email: body.email.toLowerCase() };
  const limits = limitsOf(name, client);

  const [{ headers, refusal }, candidates] = await Promise.all([
    limiter.take(limits),
    registrations.findCandidates(name),
    keyring.warm(),
  ]);
  if (refusal !== undefined) return refusal;

  const proved = await provePassword(services, body.password, candidates);
  if (isRefusal(proved)) {
    // What was not judged costs nothing. A right password that opens no session does: it costs hashing.
    if (proved.refused === "busy") await limiter.giveBack(limits);
    return refuse(proved.refused, { headers });
  }

  const { user, rehash } = proved;
  const now = clock.now();
  const sessionId = createId(now, random);
  const origin = { deviceName: body.device_name ?? null, userAgent: client.userAgent, ipAddress: client.ipAddress };
  const [session] = await Promise.all([
    sessions.create(user.id, sessionId, user.sessionEpoch, origin),
    users.recordLogin(user.id, now, rehash),
    limiter.giveBack(limits),
  ]);
  const { keyringVersion } = candidates;
  const { expiresAt } = session;
  const tokens = await issueTokenPair(services, { user, sessionId, generation: 1, expiresAt, keyringVersion });
  return { tokens, user: { ...user, lastLoginAt: now }, headers };
}

/** The account's limits are kept by what was typed, known or not, so that 429 tells nobody which. */
function limitsOf(name: LoginName, client: LoginClient): Limit[] {
  const account = JSON.stringify(name);
  return [
    { rule: "loginPerAddress", key: client.network },
    { rule: "loginPerAccount", key: account },
    { rule: "loginPerAccountAndAddress", key: `${account} ${client.network}` },
  ];
}

/**
 * Whose password it is. A registration that waits under the same name is tried as well, whether or not
 * its address has an owner: else registering, then logging in, would tell which addresses have one.
 */
async function provePassword({ passwords }: Services, password: string, { user, registration }: LoginCandidates) {
  const check = await passwords.check(password, user?.passwordHash);
  if (isRefusal(check)) return check;
  const isUsers = check.matches && user !== undefined;
  if (isUsers && user.isVerified) {
    if (!user.isActive) return refuse("account_disabled");
    const rehash = check.rehashed === undefined ? undefined : { from: user.passwordHash, to: check.rehashed };
    return { user, ...(rehash === undefined ? {} : { rehash }) };
  }
  // Where one waits, it alone decides: an older password of an unverified user must not tell that there is no owner.
  if (registration === undefined) return refuse(isUsers ? "email_not_verified" : "invalid_credentials");
  const waiting = await passwords.check(password, registration.passwordHash);
  if (isRefusal(waiting)) return waiting;
  return refuse(waiting.matches ? "email_not_verified" : "invalid_credentials");
}
