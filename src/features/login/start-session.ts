/** Asks the user's object for the session of a login. */
import type { Services } from "../../endpoint/services.ts";
import type { Client } from "../../http/exchange.ts";
import { createId } from "../../platform/random.ts";
import { retry } from "../../platform/retry.ts";
import type { AuthenticationMethod } from "../../sessions/authentication.ts";
import { deviceDigest } from "../../sessions/device.ts";
import type { FactorStep, LoginOrigin, Opening } from "../../sessions/session-messages.ts";

/** What a user's object needs to know about a login. */
interface RequestedSession {
  userId: string;
  /** The user's session epoch at the first step of the login. */
  epoch: number;
  deviceName: string | null;
  /**
   * Whether the owner gets an email if the device is new. `false` for the first login, which always comes from a new
   * device.
   */
  isAnnounced: boolean;
  client: Client;
  /** How the user has authenticated before the object checks the second factor. */
  methods: readonly AuthenticationMethod[];
  step?: FactorStep;
}

/** A session that is being opened. */
export interface StartedSession {
  sessionId: string;
  opening: Promise<Opening>;
  origin: LoginOrigin & { ipAddress: string };
  now: number;
}

/**
 * Asks the user's object for a session. If `finish` throws, ends the session after the response, because no client got
 * the session's tokens.
 */
export async function startSession<Result>(
  { afterResponse, clock, random, sessions }: Services,
  { userId, epoch, deviceName, isAnnounced, client, methods, step }: RequestedSession,
  finish: (started: StartedSession) => Promise<Result>,
): Promise<Result> {
  const now = clock.now();
  const sessionId = createId(now, random);
  const { ipAddress, userAgent } = client;
  const device = deviceDigest({ deviceName, userAgent, country: client.country });
  const origin = { deviceName, userAgent, ipAddress, device, isAnnounced };
  const opening = sessions.create(userId, sessionId, epoch, origin, methods, step);
  try {
    return await finish({ sessionId, opening, origin, now });
  } catch (error) {
    afterResponse.add(async () => {
      await Promise.allSettled([opening]);
      await retry(() => sessions.takeBack(userId, sessionId));
    });
    throw error;
  }
}
