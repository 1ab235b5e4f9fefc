import { mustHaveFactor } from "../../access/factor-policy.ts";
import { recentUser, refuseUnprovedFactor } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { refuse } from "../../platform/refusal.ts";
import { ownFactors } from "./own-factors.ts";

export const removeFactor = endpoint(
  {
    id: "removeFactor",
    method: "delete",
    path: "/api/v1/users/me/factors/{id}",
    tag: "Second factors",
    summary: "Remove a second factor",
    description:
      "The owner gets an email. With the last factor, the recovery codes are removed too. A user who must have a factor (`SECOND_FACTOR`) can't remove the last one, not even during the grace period. If `EMAIL_LOGIN` is off, a user without a password can't remove the last passkey: the answer is 409 `last_login_method`.",
    caller: recentUser,
    success: { status: 204, description: "The factor is removed." },
    refusals: ["not_found", "last_factor", "last_login_method", "reauthentication_required"],
  },
  async (services, { caller, id }) => {
    const keepsLast = mustHaveFactor(services.config, caller.user);
    const keepsPasskey = !services.config.emailLogin;
    const factor = await ownFactors(services, caller).remove(id, { keepsLast, keepsPasskey });
    if (factor === "last") return refuse("last_factor");
    if (factor === "last_login_method") return refuse("last_login_method");
    if (factor === null) return refuseUnprovedFactor(caller);
    if (factor === undefined) return refuse("not_found");
    return undefined;
  },
);
