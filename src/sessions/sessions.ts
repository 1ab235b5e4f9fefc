/** The users' session objects as the use cases call them: by user id, with the configured numbers, each call one hop. */
import type { Config } from "../config.ts";
import { MINUTE } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import type { Rotation, Session, SessionOrigin, SessionProof, UserSessions } from "./user-sessions.ts";

export interface Sessions {
  /** Opens a session under a fresh id. */
  create(userId: string, sessionId: string, origin: SessionOrigin): Promise<Session>;
  rotate(userId: string, proof: Required<SessionProof>): Promise<Rotation>;
  isLive(userId: string, sessionId: string): Promise<boolean>;
  list(userId: string): Promise<Session[]>;
  end(userId: string, sessionId: string): Promise<void>;
  /** `false` where the session that asks has itself ended: then nothing changes. */
  endAllBy(userId: string, proof: SessionProof): Promise<boolean>;
}

export function createSessions(objects: DurableObjectNamespace<UserSessions>, config: Config, hops: Hops): Sessions {
  const { lifetime, refreshGrace } = config.sessions;
  // By then every access token of an ended session has expired, for the most tolerant verifier too.
  const refuseFor = config.tokens.lifetime + MINUTE;
  const call = <Result>(userId: string, method: (object: DurableObjectStub<UserSessions>) => Promise<Result>) =>
    hops.hop("sessions", () => method(objects.getByName(userId)));

  return {
    create: (userId, sessionId, origin) => call(userId, (object) => object.create(userId, sessionId, origin, lifetime)),
    rotate: (userId, proof) =>
      call(userId, async (object): Promise<Rotation> => object.rotate(proof, refreshGrace, refuseFor)),
    isLive: (userId, sessionId) => call(userId, (object) => object.isLive(sessionId)),
    list: (userId) => call(userId, (object) => object.list()),
    end: (userId, sessionId) => call(userId, (object) => object.end(sessionId, refuseFor)),
    endAllBy: (userId, proof) => call(userId, (object) => object.endAllBy(proof, refreshGrace, refuseFor)),
  };
}
