/**
 * The UserSessions objects as handlers call them: by user id, with the configured numbers. Each call is one hop.
 */
import type { Config } from "../config/config.ts";
import { MINUTE } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { retry } from "../platform/retry.ts";
import type { Device, Session, SessionOrigin } from "./session-records.ts";
import type { OpenedSession, Rotation, SessionProof, SessionRules, UserSessions } from "./user-sessions.ts";

export type Sessions = ReturnType<typeof createSessions>;

export function createSessions(objects: DurableObjectNamespace<UserSessions>, config: Config, hops: Hops) {
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
    /**
     * Opens a session with a new id. `null` if the user has been deleted. `device` is a digest of what the client says
     * about itself.
     */
    create: (userId: string, sessionId: string, epoch: number, origin: SessionOrigin & { device: string }) =>
      call(
        userId,
        async (object): Promise<OpenedSession | null> => object.create(userId, sessionId, epoch, origin, rules),
      ),
    rotate: (userId: string, proof: Required<SessionProof>) =>
      call(userId, async (object): Promise<Rotation> => object.rotate(proof, rules)),
    /** The epoch of a live session, otherwise `null`. */
    epochOf: (userId: string, sessionId: string) => call(userId, (object) => object.epochOf(sessionId)),
    /** The live sessions, most recently used first. */
    list: (userId: string) => call(userId, async (object): Promise<Session[]> => object.list()),
    /** Moves a session to the user's next epoch. Call it before that epoch begins. */
    adopt: (userId: string, sessionId: string, epoch: number) =>
      call(userId, (object) => object.adopt(sessionId, epoch)),
    /** Ends every session except `kept`, if that is given. */
    endAllBut: (userId: string, kept: string | null) => insist(userId, (object) => object.endAllBut(kept, rules)),
    /** `false` if the user has no such session. */
    end: (userId: string, sessionId: string) => call(userId, (object) => object.end(sessionId, rules)),
    /** Ends every session. `false`, and nothing changes, if the session that asks has itself ended. */
    endAllBy: (userId: string, proof: SessionProof) => call(userId, (object) => object.endAllBy(proof, rules)),
    /** The devices that the user logged in from, most recently used first. */
    devices: (userId: string) => call(userId, async (object): Promise<Device[]> => object.devices()),
    /** Makes other Workers refuse access tokens with another role. `version` is the user's `updatedAt`. */
    changeRole: (userId: string, role: string, version: number) =>
      insist(userId, (object) => object.changeRole(userId, role, version, rules)),
    /** Ends every session and forgets every device, so that the next login from any of them counts as new. */
    forgetAll: (userId: string) => insist(userId, (object) => object.forgetAll(rules)),
    /** Like `forgetAll`, and permanent: the user has been deleted, so a login in progress can't open a session. */
    close: (userId: string) => call(userId, (object) => object.close(rules)),
  };
}
