import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";

export const removeTrustedDevices = endpoint(
  {
    id: "removeTrustedDevices",
    method: "delete",
    path: "/api/v1/users/me/trusted-devices",
    tag: "Second factors",
    summary: "Stop trusting all devices",
    description: "The next login from each of them needs a second factor. Their sessions go on.",
    caller: user,
    success: { status: 204, description: "No device is trusted any more." },
  },
  async ({ audit, factors }, { caller }) => {
    const userId = caller.user.id;
    if ((await factors.removeTrustedDevices(userId)) > 0) {
      audit.note("trusted_devices_removed", { actorId: userId, userId });
    }
    return undefined;
  },
);
