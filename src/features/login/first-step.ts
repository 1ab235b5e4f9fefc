/** The first step of a login that a later request finishes. */
import type { Services } from "../../endpoint/services.ts";
import type { ProofKind } from "../../factors/factor.ts";
import type { Enrolment } from "../../factors/pending-login.ts";
import type { Client } from "../../http/exchange.ts";
import type { ProvedAttempt } from "../../limits/login-attempts.ts";

/**
 * The attempt of a login whose first step succeeded in an earlier request: with a password, or with an emailed link.
 */
export function attemptOf({ loginAttempts }: Services, { by }: Pick<Enrolment, "by">, client: Client): ProvedAttempt {
  return loginAttempts.proved(client.network, by === "password");
}

/** Whether this factor may follow the first step. An emailed link and an emailed code prove the same mailbox. */
export function mayFollow({ by }: Pick<Enrolment, "by">, kind: ProofKind): boolean {
  return by !== "email" || kind !== "email";
}

/** What the audit event says about the first step of a login. */
export function methodOf({ by }: Pick<Enrolment, "by">): { method?: "email" } {
  return by === "email" ? { method: "email" } : {};
}
