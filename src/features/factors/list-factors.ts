import * as z from "zod";
import { factorRequiredFrom } from "../../access/factor-policy.ts";
import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { factorSchema, presentFactor } from "../../factors/factor.ts";
import { hasPassword } from "../../passwords/passwords.ts";
import { toIsoTime } from "../../platform/clock.ts";

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
      description: "The active factors.",
      schema: z
        .strictObject({
          items: z.array(factorSchema),
          has_password: z.boolean().meta({ description: "Whether the user has a password." }),
          recovery_codes_left: z.int().min(0).meta({ description: "Recovery codes that were not used yet." }),
          required_from: z.iso.datetime().nullable().meta({
            description:
              "From when the user must have a second factor (`SECOND_FACTOR`). In the past if they must have one now, `null` if they need none.",
          }),
        })
        .meta({ id: "Factors" }),
    },
  },
  async ({ clock, config, factors }, { caller }) => {
    const { items, recoveryCodesLeft } = await factors.list(caller.user.id);
    const from = factorRequiredFrom(config, caller.user, clock.now());
    return {
      items: items.map(presentFactor),
      has_password: hasPassword(caller.user),
      recovery_codes_left: recoveryCodesLeft,
      required_from: from === null ? null : toIsoTime(from),
    };
  },
);
