import * as z from "zod";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { SECOND } from "../../platform/clock.ts";
import { namesOf } from "../../platform/records.ts";
import { COUNTED_BY, LIMITS, WITHOUT_KEY } from "./described-limits.ts";

const limitSchema = z
  .strictObject({
    name: z.string(),
    limit: z.int().meta({ description: "Attempts in a window." }),
    window_seconds: z.number(),
    per: z.enum(COUNTED_BY).meta({ description: "What it counts by." }),
    has_key: z.boolean().meta({ description: "Whether it can be looked up and reset." }),
    description: z.string(),
  })
  .meta({ id: "Limit" });

export const listLimits = endpoint(
  {
    id: "listLimits",
    method: "get",
    path: "/api/v1/limits",
    tag: "Administration",
    summary: "List the limits",
    description: "The current limits: the defaults, with the changes in `RATE_LIMITS`.",
    caller: operator("read_configuration"),
    success: {
      status: 200,
      description: "The limits.",
      schema: z.strictObject({ items: z.array(limitSchema) }).meta({ id: "Limits" }),
    },
  },
  async ({ config }) => {
    const { rules } = config.limits;
    const items = namesOf(LIMITS).map((name) => {
      const { per, description } = LIMITS[name];
      const { budget, window } = rules[name];
      return {
        ...{ name, limit: budget, window_seconds: window / SECOND, per },
        ...{ has_key: WITHOUT_KEY[per] === undefined, description },
      };
    });
    return { items };
  },
);
