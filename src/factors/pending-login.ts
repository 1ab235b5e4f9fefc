/**
 * Pending logins: the password or the emailed link was right, and the user must still prove or set up a second factor.
 * The service stores no pending logins. The client keeps each pending login as a token: a prefix, and the base64url
 * encoding of a JSON text that is sealed with AES-256-GCM. Each kind of pending login has its own routes, which accept
 * only its tokens. A token can complete one login.
 */
import * as z from "zod";
import { type Clock, MINUTE } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url, parseJson, utf8 } from "../platform/encoding.ts";
import { createId, type Random } from "../platform/random.ts";

/** A pending login of a user who must set up a second factor first. */
const enrolment = z.object({
  /** After the login has succeeded, the user's object keeps the id until the token expires, so the token works once. */
  id: z.uuid(),
  expiresAt: z.int(),
  userId: z.uuid(),
  /** What the user has proved so far. Absent from a token of an earlier release. */
  by: z.enum(["password", "email"]).default("password"),
  /** The user's session epoch at the first step. A new password, for example, raises the epoch and ends this login. */
  epoch: z.int(),
  deviceName: z.string().nullable(),
  /** Whether the refresh token goes into a cookie. */
  cookie: z.boolean(),
  /**
   * Whether the owner gets an email if the device is new. `false` for the first login, which always comes from a new
   * device.
   */
  isAnnounced: z.boolean(),
});

const pendingLogin = enrolment.extend({
  /** The user's factor key, still sealed, so that the second step can check a code without reading the user first. */
  factorKey: z.string(),
});

export type Enrolment = z.output<typeof enrolment>;

export type PendingLogin = z.output<typeof pendingLogin>;

export type FirstStep = PendingLogin["by"];

/** In milliseconds. */
export const PENDING_LOGIN_LIFETIME = 10 * MINUTE;

/** The prefixes identify a leaked token as ours. */
const PENDING_LOGIN = { prefix: "ppt_", purpose: "pending-login", content: pendingLogin } as const;
const ENROLMENT = { prefix: "pet_", purpose: "enrolment", content: enrolment } as const;

type Kind = typeof PENDING_LOGIN | typeof ENROLMENT;

interface Sealing {
  clock: Clock;
  random: Random;
  secrets: Secrets;
}

type Opening = Pick<Sealing, "clock" | "secrets">;

export function sealPendingLogin(login: Omit<PendingLogin, "id" | "expiresAt">, services: Sealing): Promise<string> {
  return seal(PENDING_LOGIN, login, PENDING_LOGIN_LIFETIME, services);
}

/** The login, or `undefined` if this service did not make the token, or if it has expired. Uses no storage. */
export function openPendingLogin(token: string, services: Opening): Promise<PendingLogin | undefined> {
  return open<PendingLogin>(PENDING_LOGIN, token, services);
}

/** `lifetime` in milliseconds. */
export function sealEnrolment(
  login: Omit<Enrolment, "id" | "expiresAt">,
  lifetime: number,
  services: Sealing,
): Promise<string> {
  return seal(ENROLMENT, login, lifetime, services);
}

/** Like {@link openPendingLogin}. */
export function openEnrolment(token: string, services: Opening): Promise<Enrolment | undefined> {
  return open<Enrolment>(ENROLMENT, token, services);
}

async function seal(
  { prefix, purpose }: Kind,
  login: object,
  lifetime: number,
  { clock, random, secrets }: Sealing,
): Promise<string> {
  const now = clock.now();
  const content = { ...login, id: createId(now, random), expiresAt: now + lifetime };
  return prefix + encodeBase64url(await secrets.seal(purpose, utf8(JSON.stringify(content)), "", random));
}

async function open<Login extends Enrolment>(
  { prefix, purpose, content }: { prefix: string; purpose: string; content: z.ZodType<Login> },
  token: string,
  { clock, secrets }: Opening,
): Promise<Login | undefined> {
  const sealed = token.startsWith(prefix) ? decodeBase64url(token.slice(prefix.length)) : undefined;
  const opened = sealed && (await secrets.open(purpose, sealed, ""));
  const { data: login } = content.safeParse(opened && parseJson(new TextDecoder().decode(opened.plaintext)));
  return login !== undefined && clock.now() < login.expiresAt ? login : undefined;
}
