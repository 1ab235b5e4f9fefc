/** What calls to a user's UserSessions object carry, and what they return. */
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
  /** The second factor that was proved with it. */
  factor?: ProvedFactor | undefined;
}

export type Rotation =
  | (SessionTokens & { outcome: "rotated"; reading?: LimitReading | undefined })
  /** Too many refreshes in a short time. Nothing has changed. */
  | { outcome: "limited"; reading: LimitReading }
  /**
   * The token is the one before the level of the session rose. It gets no tokens of the higher level, but it may come
   * from a request that was under way, so it ends nothing. After the grace period it counts as reused.
   */
  | { outcome: "superseded" }
  /** The session has ended, and its owner will be told. */
  | { outcome: "reused" }
  | { outcome: "ended" };

/** The session that asks to end sessions: by its access token, or by the generation of a refresh token. */
export interface SessionProof {
  sessionId: string;
  generation?: number;
}

/** The configured numbers, in milliseconds except for `maximum`, and the trace of the request. */
export interface SessionRules {
  /** The absolute lifetime of a session. */
  lifetime: number;
  /** How long a session lives without a refresh: as long as its refresh token. */
  idleLifetime: number;
  /** How long the previous refresh token still gets the same successor. */
  grace: number;
  /**
   * How long an access token that is issued now must be refused if its session ends. No login takes this long, so it is
   * also how long a deleted user's object refuses to open a session.
   */
  refuseFor: number;
  /** How often a session may be refreshed; `undefined` if limits are off. */
  refreshes: LimitRule | undefined;
  /** How many wrong codes of a second factor cause no pause; `undefined` if limits are off. */
  factorCodes?: LimitRule | undefined;
  /** The maximum number of sessions per user. Beyond it, the least recently used session ends. */
  maximum: number;
  /** The request that calls. Absent from a Worker of an earlier release. */
  origin?: AuditOrigin;
  /** Of the request that calls (W3C Trace Context), for the log lines of what it causes. */
  traceparent: string | undefined;
}

/** The user as D1 knows them. */
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
 * Where a login comes from. `device` is a digest of what the client says about itself. If it is not known and the login
 * is `announced`, the caller tells the owner first, and only then makes the device known.
 */
export interface LoginOrigin extends SessionOrigin {
  device: string;
  /** Absent from a Worker of an earlier release. */
  isAnnounced?: boolean;
}

/** A session that was opened, and whether the user's device is new. */
export interface OpenedSession extends Session {
  isNewDevice: boolean;
  /** The second factor that was proved; `null` if the user has none. Absent from an object of an earlier release. */
  factor?: ProvedFactor | null;
  /** Whether a link was spent. Absent from an object of an earlier release. */
  hasSpentLink?: boolean;
  /** Absent from an object of an earlier release. */
  authentication?: Authentication;
}

/** What a login brings for the second factor. */
export interface FactorStep {
  /** Whether D1 knows of one. If the object does not, it has been lost, and the password alone must not be enough. */
  isExpected: boolean;
  /** Whether the user must have a factor and the grace is over. Absent from a Worker of an earlier release. */
  isDemanded?: boolean;
  proof?: FactorProof | NewFactorProof;
  /** The login that waits for the proof, if there is one. It is spent with it. */
  login?: SingleUse;
  /** The id of the trusted device, from the token of the login. If the device is still trusted, no proof is needed. */
  trustedDevice?: string | undefined;
  /**
   * Trusts the device of this login until then, in milliseconds since the epoch. The device gets the id of the session.
   */
  trustUntil?: number | undefined;
  /** The emailed link that the user logs in with. It is spent even if the login then waits for a second factor. */
  link?: SingleUse;
}

/**
 * The user has a second factor, and the client sent none or a wrong one. If `kinds` is empty, the user has no factor
 * and must have one.
 */
export type UnprovedFactor = { outcome: "factor_required"; kinds: ProofKind[] } | FailedProof;

/** The user's object has no second factor, although D1 knows of one. No proof was sent, so none was judged. */
export interface LostFactor {
  outcome: "lost";
}

/** How a login ends; `null` if the user has been deleted. */
export type Opening = OpenedSession | UnprovedFactor | LostFactor | null;
