import { type Refusal, refuse } from "../../platform/refusal.ts";
import type { OpenedChallenge } from "./challenge.ts";

/** What the service expects when a passkey is created (a registration) or used (an assertion). */
export interface Expectation {
  challenge: Pick<OpenedChallenge, "text">;
  /** The origins whose pages may create and use passkeys, such as `https://auth.example.com`. */
  origins: readonly string[];
  /** The domain that passkeys belong to (WebAuthn §4, "RP ID"), such as `example.com`. */
  rpId: string;
}

/** `reason` is for an operator. A client does not learn which check failed. */
export function invalidPasskey(reason: string): Refusal<"invalid_passkey"> {
  return refuse("invalid_passkey", { reason });
}
