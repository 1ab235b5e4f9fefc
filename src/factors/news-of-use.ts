import type { AuditEvent } from "../audit/event-types.ts";
import type { OwnerNews } from "../objects/owner-reports.ts";
import type { ProvedFactor } from "./factor-proofs.ts";

interface News {
  event: Pick<AuditEvent, "type" | "actorId" | "details">;
  news: OwnerNews;
}

/**
 * Returns the audit event and the notice to the owner for a proof that may come from an attacker: a new factor, a
 * recovery code, or a passkey whose counter did not rise. Returns `undefined` for any other proof.
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
