import { operator, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { isRefusal } from "../../platform/refusal.ts";
import { findCounter, keyBody } from "./limit-counters.ts";

export const resetLimit = endpoint(
  {
    id: "resetLimit",
    method: "post",
    path: "/api/v1/limits/{name}/reset",
    tag: "Administration",
    summary: "Reset a limit",
    description:
      "Makes the whole budget of a key available again. For an IPv6 address, also resets the budget of the /48 around it. For an email address, resets the budgets of every kind of email. `loginPerAccount` ends the pauses at both names of the account; the wrong guesses still count towards the block of the password. A password reset by email ends this block.",
    caller: recent(operator("reset_limits")),
    body: keyBody,
    success: { status: 204, description: "The whole budget is available." },
    refusals: ["not_found", "forbidden", "validation_failed"],
  },
  async (services, { body: { key }, caller, name }) => {
    const counter = await findCounter(services, caller.user, name, key);
    if (isRefusal(counter)) return counter;
    await counter.reset();
    const { name: limit, userId } = counter;
    services.audit.note("limit_reset", { actorId: caller.user.id, userId, details: { limit } });
    return undefined;
  },
);
