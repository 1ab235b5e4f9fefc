import { operatorOn, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { refuse } from "../../platform/refusal.ts";

export const removeFactors = endpoint(
  {
    id: "removeFactors",
    method: "delete",
    path: "/api/v1/users/{id}/factors",
    tag: "Administration",
    summary: "Remove the second factors of a user",
    description:
      "For a user who has lost their factors: first check that the request really comes from them. The user gets an email. Their next login needs the password alone, or has them set up a factor if they must have one (`SECOND_FACTOR`). Operators can't remove their own factors here, but with `DELETE /api/v1/users/me/factors/{id}`, after a recent login with one of them.",
    caller: recent(operatorOn("remove_factors")),
    success: { status: 204, description: "The user has no second factor." },
    refusals: ["forbidden"],
  },
  async ({ factors }, { caller: { user, target } }) => {
    if (user.id === target.id) return refuse("forbidden");
    await factors.removeAll(target.id, { actorId: user.id, isKnown: target.secondFactorSince !== null });
    return undefined;
  },
);
