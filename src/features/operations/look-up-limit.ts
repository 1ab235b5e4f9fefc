import * as z from "zod";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { strictest } from "../../limits/gcra.ts";
import { toIsoTime } from "../../platform/clock.ts";
import { isRefusal } from "../../platform/refusal.ts";
import { findCounter, keyBody } from "./limit-counters.ts";

const stateSchema = z
  .strictObject({
    name: z.string(),
    limit: z.int(),
    remaining: z
      .int()
      .meta({ description: "Attempts left. If the key has several budgets, in the one with the fewest left." }),
    resets_at: z.iso
      .datetime()
      .meta({ description: "When the whole budget is available again. The current time if it already is." }),
  })
  .meta({ id: "LimitState" });

export const lookUpLimit = endpoint(
  {
    id: "lookUpLimit",
    method: "post",
    path: "/api/v1/limits/{name}/look-up",
    tag: "Administration",
    summary: "Look up what a limit has left",
    description:
      "Doesn't use up an attempt. A limit without `has_key` can't be looked up (422, with the field code `no_such_key`). Operators can't look up or reset what counts by their own account.",
    caller: operator("reset_limits"),
    body: keyBody,
    success: { status: 200, description: "What is left.", schema: stateSchema },
    refusals: ["not_found", "forbidden", "validation_failed"],
  },
  async (services, { body: { key }, caller, name }) => {
    const counter = await findCounter(services, caller.user, name, key);
    if (isRefusal(counter)) return counter;
    const { remaining, resetAfter } = strictest(await counter.look());
    const { clock, config } = services;
    const limit = config.limits.rules[counter.name].budget;
    return { name: counter.name, limit, remaining, resets_at: toIsoTime(clock.now() + Math.ceil(resetAfter)) };
  },
);
