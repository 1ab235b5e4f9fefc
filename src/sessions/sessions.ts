/** The users' session objects as the use cases call them: by user id, with the configured numbers, each call one hop. */
import type { Config } from "../config/config.ts";
import { MINUTE } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { retry } from "../platform/retry.ts";
import type { Device, Session, SessionOrigin } from "./session-records.ts";
import type { OpenedSession, Rotation, SessionProof, SessionRules, UserSessions } from "./user-sessions.ts";

export interface Sessions {
  /**
   * Opens a session under a fresh id; `null` where the user is no more. `device` is a digest of what the device
   * says of itself.
   */
  create(
    userId: string,
    sessionId: string,
    epoch: number,
    origin: SessionOrigin & { device: string },
  ): Promise<OpenedSession | null>;
  rotate(userId: string, proof: Required<SessionProof>): Promise<Rotation>;
  /** The epoch of a live session, otherwise `null`. */
  epochOf(userId: string, sessionId: string): Promise<number | null>;
  /** The live sessions, last used first. */
  list(userId: string): Promise<Session[]>;
  /** `false` where there is no such session of this user. */
  end(userId: string, sessionId: string): Promise<boolean>;
  /** Takes a session along into the user's next epoch, before that begins. */
  adopt(userId: string, sessionId: string, epoch: number): Promise<void>;
  /** Ends every session but one, where one is kept. */
  endAllBut(userId: string, kept: string | null): Promise<void>;
  /** `false` where the session that asks has itself ended: then nothing changes. */
  endAllBy(userId: string, proof: SessionProof): Promise<boolean>;
  /** The devices that the user logged in from, last used first. */
  devices(userId: string): Promise<Device[]>;
  /** Tells other Workers to refuse access tokens that say another role. `version` is the user's `updatedAt`. */
  changeRole(userId: string, role: string, version: number): Promise<void>;
  /** Ends every session and forgets every device: whoever used one is not to be known again. */
  forgetAll(userId: string): Promise<void>;
  /** As {@link Sessions.forgetAll}, for good: the user is no more, and no login that is under way opens a session. */
  close(userId: string): Promise<void>;
}

export function createSessions(objects: DurableObjectNamespace<UserSessions>, config: Config, hops: Hops): Sessions {
  const rules: SessionRules = {
    lifetime: config.sessions.lifetime,
    idleLifetime: config.sessions.idleLifetime,
    grace: config.sessions.refreshGrace,
    maximum: config.sessions.maximum,
    ...(config.limits.enforced ? { refreshes: config.limits.rules.refreshPerSession } : {}),
    // By then every access token of an ended session has expired, for the most tolerant verifier too.
    refuseFor: config.tokens.lifetime + MINUTE,
  };
  const call = <Result>(userId: string, method: (object: DurableObjectStub<UserSessions>) => Promise<Result>) =>
    hops.hop("sessions", () => method(objects.getByName(userId)));
  // The directory has changed by then, and this service goes by it: from the object alone other Workers learn it.
  const insist = (userId: string, method: (object: DurableObjectStub<UserSessions>) => Promise<void>) =>
    retry(() => call(userId, method));

  return {
    create: (userId, sessionId, epoch, origin) =>
      call(userId, (object) => object.create(userId, sessionId, epoch, origin, rules)),
    rotate: (userId, proof) => call(userId, async (object): Promise<Rotation> => object.rotate(proof, rules)),
    epochOf: (userId, sessionId) => call(userId, (object) => object.epochOf(sessionId)),
    list: (userId) => call(userId, async (object): Promise<Session[]> => object.list()),
    adopt: (userId, sessionId, epoch) => call(userId, (object) => object.adopt(sessionId, epoch)),
    endAllBut: (userId, kept) => insist(userId, (object) => object.endAllBut(kept, rules)),
    end: (userId, sessionId) => call(userId, (object) => object.end(sessionId, rules)),
    endAllBy: (userId, proof) => call(userId, (object) => object.endAllBy(proof, rules)),
    devices: (userId) => call(userId, async (object): Promise<Device[]> => object.devices()),
    changeRole: (userId, role, version) => insist(userId, (object) => object.changeRole(userId, role, version, rules)),
    forgetAll: (userId) => insist(userId, (object) => object.forgetAll(rules)),
    close: (userId) => call(userId, (object) => object.close(rules)),
  };
}
