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
import { issueTokenPair } from "./token-pair.ts";

export interface LoginClient {
  /** What the limits count by. */
  network: string;
  ipAddress: string;
  userAgent: string | null;
}

export async function logIn(services: Services, body: z.output<ReturnType<typeof loginBody>>, client: LoginClient) {
  const { clock, keyring, limiter, passwords, random, sessions, users } = services;
  const byEmail = body.email !== undefined;
  const name = (body.email ?? body.username ?? "").toLowerCase();
  const account = `${byEmail ? "email" : "username"}:${name}`;
  // The account's limits are kept by what was typed, known or not, so that 429 tells nobody which.
  const limits: Limit[] = [
    { rule: "loginPerAddress", key: client.network },
    { rule: "loginPerAccount", key: account },
    { rule: "loginPerAccountAndAddress", key: `${account} ${client.network}` },
  ];

  const [{ headers, refusal }, { user, keyringVersion }] = await Promise.all([
    limiter.take(limits),
    byEmail ? users.findByEmail(name) : users.findByUsername(name),
    keyring.warm(),
  ]);
  if (refusal !== undefined) return refusal;

  const check = await passwords.check(body.password, user?.passwordHash);
  if (isRefusal(check)) return refuse(check.refused, { headers });
  if (!check.matches || user === undefined) return refuse("invalid_credentials", { headers });
  if (!user.isVerified) return refuse("email_not_verified", { headers });
  if (!user.isActive) return refuse("account_disabled", { headers });

  const now = clock.now();
  const sessionId = createId(now, random);
  const origin = { deviceName: body.device_name ?? null, userAgent: client.userAgent, ipAddress: client.ipAddress };
  const rehash = check.rehashed === undefined ? undefined : { from: user.passwordHash, to: check.rehashed };
  const [session] = await Promise.all([
    sessions.create(user.id, sessionId, origin),
    users.recordLogin(user.id, now, rehash),
    limiter.giveBack(limits),
  ]);
  const tokens = await issueTokenPair(services, {
    user,
    sessionId,
    generation: 1,
    expiresAt: session.expiresAt,
    keyringVersion,
  });
  return { tokens, user: { ...user, lastLoginAt: now }, headers };
}
