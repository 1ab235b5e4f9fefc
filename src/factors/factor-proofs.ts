/** What proves a second factor, old or new, and what comes of it. */
import type { LimitRule } from "../config/limit-rules.ts";
import type { Factor, ProofKind } from "./factor.ts";
import type { PasskeyFactor } from "./factor-records.ts";
import type { AuthenticationResponse } from "./passkeys/credential-json.ts";
import type { Expectation } from "./passkeys/expectation.ts";
import type { SingleUse } from "./spent-tokens.ts";

/** A code that a client sends to prove a second factor, and the user's factor key to check it with. */
export interface CodeProof {
  kind: "totp" | "recovery_code" | "email";
  code: string;
  key: string;
}

/** The use of a passkey, and what it must be. The challenge is spent with it. */
export interface PasskeyProof {
  kind: "passkey";
  response: AuthenticationResponse;
  expectation: Expectation & { challenge: SingleUse };
  userId: string;
}

/**
 * A new factor with which a user who must have one finishes a login: an authenticator app with its first code, or a
 * verified passkey. `macs` are those of the recovery codes.
 */
export type NewFactorProof =
  | { kind: "new_totp"; code: string; key: string; macs: readonly string[] }
  | { kind: "new_passkey"; passkey: NewPasskey; challenge: SingleUse; macs: readonly string[] };

export type FactorProof = CodeProof | PasskeyProof;

/**
 * `invalid`: the proof was wrong, or was used before. With `isUnknown`, the user has no such passkey. `spent`: the
 * login that waited for the proof has succeeded already, or the user who was to set up a first factor has one already.
 * `limited`: too many codes were wrong, and the next one is checked after `wait` milliseconds.
 */
export type FailedProof =
  | { outcome: "invalid"; isUnknown?: true }
  | { outcome: "spent" }
  | { outcome: "limited"; wait: number };

export interface ProvedFactor {
  outcome: "proved";
  kind: ProofKind;
  recoveryCodesLeft: number;
  /** The passkey's counter fell back, so there may be a copy of it. */
  hasCounterFallenBack?: boolean;
  /** The factor that this proof has added. */
  added?: Factor;
}

export type FactorVerdict = ProvedFactor | FailedProof;

/** Judges a proof, and spends it if it is right. */
export type Judge = (rule: LimitRule | undefined, now: number) => FactorVerdict;

export type Confirmation = { outcome: "confirmed"; factor: Factor; isFirst: boolean } | FailedProof;

/** What became of a new passkey. `known`: the authenticator has one already, or the challenge was used before. */
export type PasskeyAddition =
  | { outcome: "added"; factor: Factor; isFirst: boolean }
  | { outcome: "known" | "too_many" };

export type NewPasskey = Pick<PasskeyFactor, "id" | "name" | "content">;
