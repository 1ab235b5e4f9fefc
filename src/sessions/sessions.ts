/**
 * The UserSessions objects as handlers call them: by user id, with the configured numbers. Each call is one hop.
 */
import type { Config } from "../config/config.ts";
import { MINUTE } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { retry } from "../platform/retry.ts";
import type { Device, Session, SessionOrigin } from "./session-records.ts";
import type { OpenedSession, Rotation, SessionProof, SessionRules, UserSessions } from "./user-sessions.ts";

export interface Sessions {
  /**
   * Opens a session with a new id. `null` if the user has been deleted. `device` is a digest of what the client says
   * about itself.
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
  /** The live sessions, most recently used first. */
  list(userId: string): Promise<Session[]>;
  /** `false` if the user has no such session. */
  end(userId: string, sessionId: string): Promise<boolean>;
  /** Moves a session to the user's next epoch. Call it before that epoch begins. */
  adopt(userId: string, sessionId: string, epoch: number): Promise<void>;
  /** Ends every session except `kept`, if that is given. */
  endAllBut(userId: string, kept: string | null): Promise<void>;
  /** Ends every session. `false`, and nothing changes, if the session that asks has itself ended. */
  endAllBy(userId: string, proof: SessionProof): Promise<boolean>;
  /** The devices that the user logged in from, most recently used first. */
  devices(userId: string): Promise<Device[]>;
  /** Makes other Workers refuse access tokens with another role. `version` is the user's `updatedAt`. */
  changeRole(userId: string, role: string, version: number): Promise<void>;
  /** Ends every session and forgets every device, so that the next login from any of them counts as new. */
  forgetAll(userId: string): Promise<void>;
  /**
   * Like {@link Sessions.forgetAll}, and permanent: the user has been deleted, so a login in progress can't open a
   * session.
   */
  close(userId: string): Promise<void>;
}

export function createSessions(objects: DurableObjectNamespace<UserSessions>, config: Config, hops: Hops): Sessions {
  const rules: SessionRules = {
    lifetime: config.sessions.lifetime,
    idleLifetime: config.sessions.idleLifetime,
    grace: config.sessions.refreshGrace,
    maximum: config.sessions.maximum,
    ...(config.limits.enforced ? { refreshes: config.limits.rules.refreshPerSession } : {}),
    // Every access token of an ended session has expired by then, with a minute to spare for verifiers that tolerate
    // clock skew.
    refuseFor: config.tokens.lifetime + MINUTE,
  };
  const call = <Result>(userId: string, method: (object: DurableObjectStub<UserSessions>) => Promise<Result>) =>
    hops.hop("sessions", () => method(objects.getByName(userId)));
  // The directory has already changed, and this service relies on it. Other Workers learn of the change only from the
  // object, so the call is retried.
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
