/** A trusted device, and how the API shows it. For a while, a login from such a device needs only the password. */
import * as z from "zod";
import { toIsoTime } from "../platform/clock.ts";

/** Times are milliseconds since the epoch. */
export interface TrustedDevice {
  /** Also the id of the session in which the user trusted the device. */
  id: string;
  /** The user's session epoch in that session. A password change, for example, raises the epoch and ends the trust. */
  epoch: number;
  deviceName: string | null;
  userAgent: string | null;
  createdAt: number;
  lastUsedAt: number;
  expiresAt: number;
  /** The newest session that was opened from the device. */
  sessionId: string;
}

const time = z.iso.datetime();

export const trustedDeviceSchema = z
  .strictObject({
    id: z.uuid(),
    device_name: z.string().nullable(),
    user_agent: z.string().nullable(),
    created_at: time,
    last_used_at: time,
    expires_at: time.meta({ description: "From then on, logins from the device need a second factor again." }),
    current: z
      .boolean()
      .meta({ description: "Whether the session of the request is the newest session of the device." }),
  })
  .meta({ id: "TrustedDevice" });

/** `currentId` is the id of the session that sent the request. */
export function presentTrustedDevice(device: TrustedDevice, currentId: string): z.output<typeof trustedDeviceSchema> {
  return {
    id: device.id,
    device_name: device.deviceName,
    user_agent: device.userAgent,
    created_at: toIsoTime(device.createdAt),
    last_used_at: toIsoTime(device.lastUsedAt),
    expires_at: toIsoTime(device.expiresAt),
    current: device.sessionId === currentId,
  };
}
