import type { AuditEvent } from "../audit/event-types.ts";
import type { OwnerNews } from "../objects/owner-reports.ts";
import type { ProvedFactor } from "./factor-proofs.ts";

interface News {
  event: Pick<AuditEvent, "type" | "actorId" | "details">;
  news: OwnerNews;
}

/**
 * The audit event and the email for the owner after a use of a factor that may not have been the owner's: a new factor,
 * a used recovery code, or a passkey whose counter did not rise. Returns `undefined` for any other use.
 */
export function newsOfUse(proved: ProvedFactor, userId: string): News | undefined {
  const about = { actorId: userId, details: null };
  if (proved.added !== undefined) {
    const { id, kind } = proved.added;
    return {
      event: { ...about, type: "second_factor_added", details: { factor_id: id, kind } },
      news: { kind: "second_factor_added", userId, factor: kind },
    };
  }
  if (proved.kind === "recovery_code") {
    const left = proved.recoveryCodesLeft;
    return {
      event: { ...about, type: "recovery_code_used", details: { left } },
      news: { kind: "recovery_code_used", userId, left },
    };
  }
  if (proved.hasCounterFallenBack) {
    return {
      event: { ...about, type: "passkey_counter_fell_back" },
      news: { kind: "passkey_counter_fell_back", userId },
    };
  }
  return undefined;
}
