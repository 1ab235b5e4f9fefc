import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { refuse } from "../../platform/refusal.ts";

export const removeTrustedDevice = endpoint(
  {
    id: "removeTrustedDevice",
    method: "delete",
    path: "/api/v1/users/me/trusted-devices/{id}",
    tag: "Second factors",
    summary: "Stop trusting a device",
    description: "The next login from it needs a second factor. Its sessions go on.",
    caller: user,
    success: { status: 204, description: "The device is not trusted any more." },
    refusals: ["not_found"],
  },
  async ({ audit, factors }, { caller, id }) => {
    const userId = caller.user.id;
    if (!(await factors.removeTrustedDevice(userId, id))) return refuse("not_found");
    audit.note("trusted_device_removed", { actorId: userId, userId, details: { device_id: id } });
    return undefined;
  },
);
