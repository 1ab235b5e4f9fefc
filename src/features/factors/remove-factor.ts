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
    description: "The owner gets an email. The recovery codes go with the last factor.",
    caller: recentUser,
    success: { status: 204, description: "The factor is removed." },
    refusals: ["not_found", "reauthentication_required"],
  },
  async (services, { caller, id }) => {
    const factor = await ownFactors(services, caller).remove(id);
    if (factor === null) return refuseUnprovedFactor(caller);
    if (factor === undefined) return refuse("not_found");
    return undefined;
  },
);
