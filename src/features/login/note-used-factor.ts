import type { Services } from "../../endpoint/services.ts";
import type { ProvedFactor } from "../../factors/second-factors.ts";

/** Records what the owner should know about the use of a factor, and tells them: they may not have used it themselves. */
export function noteUsedFactor({ audit, mail }: Services, userId: string, factor: ProvedFactor | undefined): void {
  if (factor?.kind === "recovery_code") {
    const left = factor.recoveryCodesLeft;
    audit.note("recovery_code_used", { actorId: userId, userId, details: { left } });
    mail.notify({ kind: "recovery_code_used", userId, left });
  }
  if (factor?.hasCounterFallenBack) {
    audit.note("passkey_counter_fell_back", { actorId: userId, userId });
    mail.notify({ kind: "passkey_counter_fell_back", userId });
  }
}
