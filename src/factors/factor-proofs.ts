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

/** The response of a passkey, and what the service expects in it. After a right response, the challenge is used up. */
export interface PasskeyProof {
  kind: "passkey";
  response: AuthenticationResponse;
  expectation: Expectation & { challenge: SingleUse };
  userId: string;
}

/**
 * A new factor: an authenticator app with its first code, or a verified passkey. It completes the login of a user who
 * must have a second factor. `macs` are the MACs of the user's new recovery codes.
 */
export type NewFactorProof =
  | { kind: "new_totp"; code: string; key: string; macs: readonly string[] }
  | { kind: "new_passkey"; passkey: NewPasskey; challenge: SingleUse; macs: readonly string[] };

export type FactorProof = CodeProof | PasskeyProof;

/**
 * `invalid`: the proof was wrong, or was used before. With `isUnknown`, the user has no such passkey. `spent`: the
 * pending login has already succeeded, the emailed link was used before, or a user tried to add a first factor but
 * already has one. `limited`: too many codes were wrong, so no code is checked for the next `wait` milliseconds.
 */
export type FailedProof =
  | { outcome: "invalid"; isUnknown?: true }
  | { outcome: "spent" }
  | { outcome: "limited"; wait: number };

export interface ProvedFactor {
  outcome: "proved";
  kind: ProofKind;
  recoveryCodesLeft: number;
  /** Whether the passkey's counter did not rise. If so, a copy of the passkey may exist. */
  hasCounterFallenBack?: boolean;
  /** The factor that this proof has added. */
  added?: Factor;
}

export type FactorVerdict = ProvedFactor | FailedProof;

/** Checks a proof. If the proof is right, records its use, so that it works once. */
export type Judge = (rule: LimitRule | undefined, now: number) => FactorVerdict;

export type Confirmation = { outcome: "confirmed"; factor: Factor; isFirst: boolean } | FailedProof;

/** The result of adding a passkey. `known`: the user already has this passkey, or its challenge was used before. */
export type PasskeyAddition =
  | { outcome: "added"; factor: Factor; isFirst: boolean }
  | { outcome: "known" | "too_many" };

export type NewPasskey = Pick<PasskeyFactor, "id" | "name" | "content">;
