/** The proofs of existing and new second factors, and the results of judging them. */
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

/** The response of a passkey, and what the service expects of it. A right response spends the challenge. */
export interface PasskeyProof {
  kind: "passkey";
  response: AuthenticationResponse;
  expectation: Expectation & { challenge: SingleUse };
  userId: string;
}

/**
 * A new factor that completes the login of a user who must have one: an authenticator app with its first code, or a
 * verified passkey. `macs` are the MACs of the user's new recovery codes.
 */
export type NewFactorProof =
  | { kind: "new_totp"; code: string; key: string; macs: readonly string[] }
  | { kind: "new_passkey"; passkey: NewPasskey; challenge: SingleUse; macs: readonly string[] };

export type FactorProof = CodeProof | PasskeyProof;

/**
 * `invalid`: the proof was wrong, or was used before. With `isUnknown`, the user has no such passkey. `spent`: the
 * pending login has already succeeded, the emailed link was used before, or a user who was to add a first factor
 * already has one. `limited`: too many codes were wrong, and no code is checked for the next `wait` milliseconds.
 */
export type FailedProof =
  | { outcome: "invalid"; isUnknown?: true }
  | { outcome: "spent" }
  | { outcome: "limited"; wait: number };

export interface ProvedFactor {
  outcome: "proved";
  kind: ProofKind;
  recoveryCodesLeft: number;
  /** Whether the passkey's counter did not rise, so that a copy of the passkey may exist. */
  hasCounterFallenBack?: boolean;
  /** The factor that this proof has added. */
  added?: Factor;
}

export type FactorVerdict = ProvedFactor | FailedProof;

/** Judges a proof, and spends it if it is right. */
export type Judge = (rule: LimitRule | undefined, now: number) => FactorVerdict;

export type Confirmation = { outcome: "confirmed"; factor: Factor; isFirst: boolean } | FailedProof;

/** The result of adding a passkey. `known`: the user already has this passkey, or its challenge was used before. */
export type PasskeyAddition =
  | { outcome: "added"; factor: Factor; isFirst: boolean }
  | { outcome: "known" | "too_many" };

export type NewPasskey = Pick<PasskeyFactor, "id" | "name" | "content">;
