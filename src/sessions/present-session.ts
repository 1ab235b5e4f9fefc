/** Sessions as the API shows them to their user, and to operators. */
import * as z from "zod";
import { toIsoTime } from "../platform/clock.ts";
import type { Session } from "./session-records.ts";

const time = z.iso.datetime();

/** A session of another user. */
export const sessionOfOtherSchema = z.strictObject({
  id: z.uuid(),
  device_name: z.string().nullable(),
  user_agent: z.string().nullable(),
  ip_address: z.string().nullable(),
  created_at: time,
  last_used_at: time,
  expires_at: time.meta({ description: "When the session ends if it is not refreshed." }),
});

export const sessionSchema = sessionOfOtherSchema.extend({
  current: z.boolean().meta({ description: "Whether this is the session of the request." }),
});

/** `currentId` is the id of the session that sent the request. */
export function presentSession(session: Session, currentId: string): z.output<typeof sessionSchema> {
  return { ...presentSessionToOthers(session), current: session.id === currentId };
}

export function presentSessionToOthers(session: Session): z.output<typeof sessionOfOtherSchema> {
  return {
    id: session.id,
    device_name: session.deviceName,
    user_agent: session.userAgent,
    ip_address: session.ipAddress,
    created_at: toIsoTime(session.createdAt),
    last_used_at: toIsoTime(session.lastUsedAt),
    expires_at: toIsoTime(session.expiresAt),
  };
}
