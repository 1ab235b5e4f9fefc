import * as z from "zod";
import { user } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { presentTrustedDevice, trustedDeviceSchema } from "../../factors/trusted-device.ts";

export const listTrustedDevices = endpoint(
  {
    id: "listTrustedDevices",
    method: "get",
    path: "/api/v1/users/me/trusted-devices",
    tag: "Second factors",
    summary: "List the devices you trust",
    description: "Newest first. Logins from these devices need no second factor.",
    caller: user,
    success: {
      status: 200,
      description: "The devices.",
      schema: z.strictObject({ items: z.array(trustedDeviceSchema) }).meta({ id: "TrustedDevices" }),
    },
  },
  async ({ factors }, { caller }) => {
    const { trustedDevices = [] } = await factors.list(caller.user.id);
    return { items: trustedDevices.map((device) => presentTrustedDevice(device, caller.sessionId)) };
  },
);
