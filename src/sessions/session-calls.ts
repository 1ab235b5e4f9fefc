/**
 * Calls UserSessions objects for handlers: by user id, with the configured lifetimes and limits. Each call is one round
 * trip. `user-sessions-object.ts` describes the methods.
 */
import type { AuditOrigin } from "../audit/event-types.ts";
import type { Config } from "../config/config.ts";
import type { FactorProof } from "../factors/factor-proofs.ts";
import type { Hops } from "../platform/hops.ts";
import type { AuthenticationMethod } from "./authentication.ts";
import type { Device } from "./known-devices.ts";
import { revocationLifetime } from "./revocation-record.ts";
import type {
  FactorStep,
  LoginOrigin,
  Opening,
  Rotation,
  SessionProof,
  SessionRules,
  SessionTokens,
  UnprovedFactor,
} from "./session-messages.ts";
import type { Session } from "./session-records.ts";
import type { UserSessions } from "./user-sessions-object.ts";

/** The fields of a user in D1 on which the user's sessions depend. */
interface SessionOwner {
  id: string;
  sessionEpoch: number;
  keptSessionId: string | null;
  role: string;
  updatedAt: number;
}

export type Sessions = ReturnType<typeof createSessions>;

export function createSessions(
  objects: DurableObjectNamespace<UserSessions>,
  config: Config,
  hops: Hops,
  { origin, traceparent }: { origin: AuditOrigin; traceparent: string | undefined },
) {
  const rules: SessionRules = {
    lifetime: config.sessions.lifetime,
    idleLifetime: config.sessions.idleLifetime,
    grace: config.sessions.refreshGrace,
    maximum: config.sessions.maximum,
    refreshes: config.limits.enforced ? config.limits.rules.refreshPerSession : undefined,
    factorCodes: config.limits.enforced ? config.limits.rules.secondFactorPerUser : undefined,
    refuseFor: revocationLifetime(config.tokens.lifetime),
    origin,
    traceparent,
  };
  const call = <Result>(userId: string, method: (object: DurableObjectStub<UserSessions>) => Promise<Result>) =>
    hops.hop("sessions", () => method(objects.getByName(userId)));

  return {
    create: (
      userId: string,
      sessionId: string,
      epoch: number,
      origin: LoginOrigin,
      methods: readonly AuthenticationMethod[],
      step?: FactorStep,
    ) =>
      call(
        userId,
        async (object): Promise<Opening> => object.create(userId, sessionId, epoch, origin, rules, [...methods], step),
      ),
    rememberDevice: (userId: string, sessionId: string, device: string) =>
      call(userId, (object) => object.rememberDevice(sessionId, device)),
    rotate: (userId: string, proof: Required<SessionProof>) =>
      call(userId, async (object): Promise<Rotation> => object.rotate(proof, rules, origin)),
    reauthenticate: (
      userId: string,
      sessionId: string,
      proved: readonly AuthenticationMethod[],
      proof: FactorProof | undefined,
    ) =>
      call(
        userId,
        async (object): Promise<SessionTokens | UnprovedFactor | null> =>
          object.reauthenticate(sessionId, [...proved], rules, proof),
      ),
    epochOf: (userId: string, sessionId: string) => call(userId, (object) => object.epochOf(sessionId)),
    list: (userId: string) => call(userId, async (object): Promise<Session[]> => object.list()),
    endAllBut: (userId: string, kept: string | null) => call(userId, (object) => object.endAllBut(kept, rules)),
    end: (userId: string, sessionId: string) => call(userId, (object) => object.end(sessionId, rules)),
    /** Ends a session whose login failed after the session was opened. Also ends the trust in its device. */
    takeBack: (userId: string, sessionId: string) => call(userId, (object) => object.end(sessionId, rules, true)),
    endAllBy: (userId: string, proof: SessionProof) => call(userId, (object) => object.endAllBy(proof, rules)),
    devices: (userId: string) => call(userId, async (object): Promise<Device[]> => object.devices()),
    align: (
      { id, sessionEpoch, keptSessionId, role, updatedAt }: SessionOwner,
      { forgetsDevices, changesRole }: { forgetsDevices: boolean; changesRole: boolean },
    ) =>
      call(id, (object) =>
        object.align(
          id,
          {
            epoch: sessionEpoch,
            keptSessionId,
            forgetsDevices,
            role: changesRole ? { role, version: updatedAt } : undefined,
          },
          rules,
        ),
      ),
    close: (userId: string) => call(userId, (object) => object.close(rules)),
  };
}
