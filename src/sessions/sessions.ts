/** The users' session objects as the use cases call them: by user id, with the configured numbers, each call one hop. */
import type { Config } from "../config.ts";
import { MINUTE } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import type { Session, SessionOrigin } from "./session-records.ts";
import type { Rotation, SessionProof, SessionRules, UserSessions } from "./user-sessions.ts";

export interface Sessions {
  /** Opens a session under a fresh id. */
  create(userId: string, sessionId: string, origin: SessionOrigin): Promise<Session>;
  rotate(userId: string, proof: Required<SessionProof>): Promise<Rotation>;
  isLive(userId: string, sessionId: string): Promise<boolean>;
  end(userId: string, sessionId: string): Promise<void>;
  /** `false` where the session that asks has itself ended: then nothing changes. */
  endAllBy(userId: string, proof: SessionProof): Promise<boolean>;
}

export function createSessions(objects: DurableObjectNamespace<UserSessions>, config: Config, hops: Hops): Sessions {
  const rules: SessionRules = {
    lifetime: config.sessions.lifetime,
    grace: config.sessions.refreshGrace,
    maximum: config.sessions.maximum,
    // By then every access token of an ended session has expired, for the most tolerant verifier too.
    refuseFor: config.tokens.lifetime + MINUTE,
  };
  const call = <Result>(userId: string, method: (object: DurableObjectStub<UserSessions>) => Promise<Result>) =>
    hops.hop("sessions", () => method(objects.getByName(userId)));

  return {
    create: (userId, sessionId, origin) => call(userId, (object) => object.create(userId, sessionId, origin, rules)),
    rotate: (userId, proof) => call(userId, async (object): Promise<Rotation> => object.rotate(proof, rules)),
    isLive: (userId, sessionId) => call(userId, (object) => object.isLive(sessionId)),
    end: (userId, sessionId) => call(userId, (object) => object.end(sessionId, rules)),
    endAllBy: (userId, proof) => call(userId, (object) => object.endAllBy(proof, rules)),
  };
}
