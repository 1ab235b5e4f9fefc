/**
 * The UserSessions objects as handlers call them: by user id, with the configured numbers. Each call is one hop. What
 * the methods do is in `user-sessions-object.ts`.
 */
import type { Config } from "../config/config.ts";
import type { Hops } from "../platform/hops.ts";
import { retry } from "../platform/retry.ts";
import { revocationLifetime } from "./revocations.ts";
import type { Device, Session, SessionOrigin } from "./session-records.ts";
import type { OpenedSession, Rotation, SessionProof, SessionRules, UserSessions } from "./user-sessions-object.ts";

export type Sessions = ReturnType<typeof createSessions>;

export function createSessions(objects: DurableObjectNamespace<UserSessions>, config: Config, hops: Hops) {
  const rules: SessionRules = {
    lifetime: config.sessions.lifetime,
    idleLifetime: config.sessions.idleLifetime,
    grace: config.sessions.refreshGrace,
    maximum: config.sessions.maximum,
    ...(config.limits.enforced ? { refreshes: config.limits.rules.refreshPerSession } : {}),
    refuseFor: revocationLifetime(config.tokens.lifetime),
  };
  const call = <Result>(userId: string, method: (object: DurableObjectStub<UserSessions>) => Promise<Result>) =>
    hops.hop("sessions", () => method(objects.getByName(userId)));
  // The directory has already changed, and this service relies on it. Other Workers learn of the change only from the
  // object, so the call is retried.
  const insist = (userId: string, method: (object: DurableObjectStub<UserSessions>) => Promise<void>) =>
    retry(() => call(userId, method));

  return {
    create: (userId: string, sessionId: string, epoch: number, origin: SessionOrigin & { device: string }) =>
      call(
        userId,
        async (object): Promise<OpenedSession | null> => object.create(userId, sessionId, epoch, origin, rules),
      ),
    rotate: (userId: string, proof: Required<SessionProof>) =>
      call(userId, async (object): Promise<Rotation> => object.rotate(proof, rules)),
    epochOf: (userId: string, sessionId: string) => call(userId, (object) => object.epochOf(sessionId)),
    list: (userId: string) => call(userId, async (object): Promise<Session[]> => object.list()),
    adopt: (userId: string, sessionId: string, epoch: number) =>
      call(userId, (object) => object.adopt(sessionId, epoch)),
    endAllBut: (userId: string, kept: string | null) => insist(userId, (object) => object.endAllBut(kept, rules)),
    end: (userId: string, sessionId: string) => call(userId, (object) => object.end(sessionId, rules)),
    endAllBy: (userId: string, proof: SessionProof) => call(userId, (object) => object.endAllBy(proof, rules)),
    devices: (userId: string) => call(userId, async (object): Promise<Device[]> => object.devices()),
    changeRole: (userId: string, role: string, version: number) =>
      insist(userId, (object) => object.changeRole(userId, role, version, rules)),
    forgetAll: (userId: string) => insist(userId, (object) => object.forgetAll(rules)),
    close: (userId: string) => call(userId, (object) => object.close(rules)),
  };
}
