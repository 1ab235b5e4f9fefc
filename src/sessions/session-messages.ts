/** The parameters and results of calls to a user's UserSessions object. */
import type { AuditOrigin } from "../audit/event-types.ts";
import type { LimitRule } from "../config/limit-rules.ts";
import type { ProofKind } from "../factors/factor.ts";
import type { FactorProof, FailedProof, NewFactorProof, ProvedFactor } from "../factors/factor-proofs.ts";
import type { SingleUse } from "../factors/spent-tokens.ts";
import type { LimitReading } from "../limits/gcra.ts";
import type { Authentication } from "./authentication.ts";
import type { Session, SessionOrigin } from "./session-records.ts";

/** The newest tokens of a session. */
export interface SessionTokens {
  generation: number;
  epoch: number;
  expiresAt: number;
  /** Absent from an object of an earlier release. */
  authentication?: Authentication;
  /** The second factor that was proved, if any. */
  factor?: ProvedFactor | undefined;
}

export type Rotation =
  | (SessionTokens & { outcome: "rotated"; reading?: LimitReading | undefined })
  /** Too many refreshes in a short time. Nothing has changed. */
  | { outcome: "limited"; reading: LimitReading }
  /**
   * The token was the newest one until the session's authentication level rose, and gets no tokens of the higher level.
   * The client may have sent it before that, so the session doesn't end. After the grace period it counts as reused.
   */
  | { outcome: "superseded" }
  /** The token was used again after it was replaced. The session has ended, and the object will notify the user. */
  | { outcome: "reused" }
  | { outcome: "ended" };

/** The session that sent a request. `generation` is that of the refresh token; absent for an access token. */
export interface SessionProof {
  sessionId: string;
  generation?: number;
}

/** The configured lifetimes and limits, and facts about the calling request. Times are in milliseconds. */
export interface SessionRules {
  /** The absolute lifetime of a session. */
  lifetime: number;
  /** How long a session lives without a refresh: as long as its refresh token. */
  idleLifetime: number;
  /** How long the previous refresh token still gets the same successor. */
  grace: number;
  /**
   * How long an access token that is issued now must be refused if its session ends. No login takes this long, so a
   * deleted user's object refuses to open a session for the same time.
   */
  refuseFor: number;
  /** How often a session may be refreshed; `undefined` if limits are off. */
  refreshes: LimitRule | undefined;
  /** How many wrong codes of a second factor cause no pause; `undefined` if limits are off. */
  factorCodes?: LimitRule | undefined;
  /** The maximum number of sessions per user. Beyond it, the least recently used session ends. */
  maximum: number;
  /** Where the calling request comes from, for audit events. Absent from a Worker of an earlier release. */
  origin?: AuditOrigin;
  /** The trace of the calling request (W3C Trace Context), for log lines of work that the request causes. */
  traceparent: string | undefined;
}

/** The user's state in D1. Sessions of an earlier `epoch` must end. */
export interface UserState {
  epoch: number;
  /** The one session of an earlier epoch that stays valid. */
  keptSessionId: string | null;
  /** Whether the next login from any device counts as one from a new device. */
  forgetsDevices: boolean;
  /** `undefined` if the role has not changed. A role with a lower `version` (the user's `updatedAt`) is ignored. */
  role: { role: string; version: number } | undefined;
}

/**
 * Where a login comes from. `device` is the digest of `device.ts`. If `isAnnounced` is true, the object does not
 * remember a new device: the caller notifies the user first, and then calls `rememberDevice`.
 */
export interface LoginOrigin extends SessionOrigin {
  device: string;
  /** Absent from a Worker of an earlier release. */
  isAnnounced?: boolean;
}

/** A session that was opened, and whether the user's device is new. */
export interface OpenedSession extends Session {
  isNewDevice: boolean;
  /** The second factor that was proved; `null` if none was needed. Absent from an object of an earlier release. */
  factor?: ProvedFactor | null;
  /** Whether a link was spent. Absent from an object of an earlier release. */
  hasSpentLink?: boolean;
  /** Absent from an object of an earlier release. */
  authentication?: Authentication;
}

/** What a login tells the user's object about the second factor. */
export interface FactorStep {
  /**
   * Whether D1 knows of a second factor. If the object has none, the factor has been lost, and the password alone must
   * not be enough.
   */
  isExpected: boolean;
  /**
   * Whether the user must have a factor, and the period for adding one has ended. Absent from a Worker of an earlier
   * release.
   */
  isDemanded?: boolean;
  proof?: FactorProof | NewFactorProof;
  /** The pending login that the proof completes, if there is one. The object spends it together with the proof. */
  login?: SingleUse;
  /**
   * The id of the trusted device, from the token that the client sent. If the device is still trusted, no proof is
   * needed.
   */
  trustedDevice?: string | undefined;
  /**
   * Until when to trust the device of this login, in milliseconds since the epoch. The device gets the session's id.
   */
  trustUntil?: number | undefined;
  /** The emailed link that the user logs in with. It is spent even if the login then waits for a second factor. */
  link?: SingleUse;
}

/**
 * The user must prove a second factor, and the client sent no valid proof. If `kinds` is empty, the user has no factor
 * and must set one up.
 */
export type UnprovedFactor = { outcome: "factor_required"; kinds: ProofKind[] } | FailedProof;

/** The user's object has no second factor, although D1 knows of one. No proof was sent, so none was judged. */
export interface LostFactor {
  outcome: "lost";
}

/** The result of a login; `null` if the user has been deleted, or if a password was changed during the login. */
export type Opening = OpenedSession | UnprovedFactor | LostFactor | null;
