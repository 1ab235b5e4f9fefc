import * as z from "zod";
import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { factorSchema, presentFactor } from "../../factors/factor.ts";

export const listFactors = endpoint(
  {
    id: "listFactors",
    method: "get",
    path: "/api/v1/users/me/factors",
    tag: "Second factors",
    summary: "List your second factors",
    description: "Oldest first. A factor that waits for its confirmation is not listed.",
    caller: user,
    success: {
      status: 200,
      description: "The factors in force.",
      schema: z
        .strictObject({
          items: z.array(factorSchema),
          recovery_codes_left: z.int().min(0).meta({ description: "Recovery codes that were not used yet." }),
        })
        .meta({ id: "Factors" }),
    },
  },
  async ({ factors }, { caller }) => {
    const { items, recoveryCodesLeft } = await factors.list(caller.user.id);
    return { items: items.map(presentFactor), recovery_codes_left: recoveryCodesLeft };
  },
);
