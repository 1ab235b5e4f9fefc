import * as z from "zod";
import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { factorName, factorSchema, presentFactor } from "../../factors/factor.ts";
import { refuse } from "../../platform/refusal.ts";

export const renameFactor = endpoint(
  {
    id: "renameFactor",
    method: "patch",
    path: "/api/v1/users/me/factors/{id}",
    tag: "Second factors",
    summary: "Rename a second factor",
    caller: user,
    body: () => z.strictObject({ name: factorName }),
    success: { status: 200, description: "The renamed factor.", schema: factorSchema },
    refusals: ["not_found"],
  },
  async ({ factors }, { body, caller, id }) => {
    const factor = await factors.rename(caller.user.id, id, body.name);
    return factor === undefined ? refuse("not_found") : presentFactor(factor);
  },
);
