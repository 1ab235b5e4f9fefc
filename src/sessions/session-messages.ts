/** What calls to a user's UserSessions object carry, and what they return. */
import type { LimitRule } from "../config/limit-rules.ts";
import type { LimitReading } from "../limits/gcra.ts";
import type { Session } from "./session-records.ts";

export type Rotation =
  | { outcome: "rotated"; generation: number; epoch: number; expiresAt: number; reading?: LimitReading }
  /** Too many refreshes in a short time. Nothing has changed. */
  | { outcome: "limited"; reading: LimitReading }
  /** `device` is the session's device name, or else its user agent. */
  | { outcome: "reused"; device: string | null }
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
  /** How often a session may be refreshed; absent if limits are off. */
  refreshes?: LimitRule;
  /** The maximum number of sessions per user. Beyond it, the least recently used session ends. */
  maximum: number;
  /** Of the request that calls (W3C Trace Context), for the log lines of what it causes. */
  traceparent?: string;
}

/** The user as D1 knows them. */
export interface UserState {
  epoch: number;
  /** The one session of an earlier epoch that stays valid. */
  keptSessionId: string | null;
  /** Whether the next login from any device counts as one from a new device. */
  forgetsDevices: boolean;
  /** Present if the role has changed. A role with a lower `version` (the user's `updatedAt`) is ignored. */
  role?: { role: string; version: number };
}

/** A session that was opened, and whether the user's device is new. */
export interface OpenedSession extends Session {
  isNewDevice: boolean;
}
