/**
 * A login that waits for its second factor: the password was right. The client keeps it as a token, `ppt_` followed by
 * the base64url encoding of a JSON text that is sealed with AES-256-GCM. It opens nothing but the routes of the second
 * factor, and it works once.
 */
import * as z from "zod";
import { type Clock, MINUTE } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url, parseJson, utf8 } from "../platform/encoding.ts";
import { createId, type Random } from "../platform/random.ts";

const pendingLogin = z.object({
  /** Of this login: remembered once it is spent. */
  id: z.uuid(),
  expiresAt: z.int(),
  userId: z.uuid(),
  /** The user's session epoch when the password was right. A login from before a change of it is refused. */
  epoch: z.int(),
  /** The user's factor key, still sealed, so that the code can be judged without reading the user first. */
  factorKey: z.string(),
  deviceName: z.string().nullable(),
  /** Whether the refresh token goes into a cookie. */
  cookie: z.boolean(),
  /** Whether the owner gets an email if the device is new. Not at the first login, which always comes from a new one. */
  isAnnounced: z.boolean(),
});

export type PendingLogin = z.output<typeof pendingLogin>;

/** In milliseconds. */
export const PENDING_LOGIN_LIFETIME = 10 * MINUTE;

/** Identifies a leaked token as ours. */
const PREFIX = "ppt_";
const PURPOSE = "pending-login";

export async function sealPendingLogin(
  login: Omit<PendingLogin, "id" | "expiresAt">,
  { clock, random, secrets }: { clock: Clock; random: Random; secrets: Secrets },
): Promise<string> {
  const now = clock.now();
  const content: PendingLogin = { ...login, id: createId(now, random), expiresAt: now + PENDING_LOGIN_LIFETIME };
  return PREFIX + encodeBase64url(await secrets.seal(PURPOSE, utf8(JSON.stringify(content)), "", random));
}

/** The login, or `undefined` if the token is not one of this service, or has expired. Uses no storage. */
export async function openPendingLogin(
  token: string,
  { clock, secrets }: { clock: Clock; secrets: Secrets },
): Promise<PendingLogin | undefined> {
  const sealed = token.startsWith(PREFIX) ? decodeBase64url(token.slice(PREFIX.length)) : undefined;
  const opened = sealed && (await secrets.open(PURPOSE, sealed, ""));
  const { data: login } = pendingLogin.safeParse(opened && parseJson(new TextDecoder().decode(opened.plaintext)));
  return login !== undefined && clock.now() < login.expiresAt ? login : undefined;
}
