/** The email, the audit event and the answer, which are the same for a first and a repeated invitation. */
import * as z from "zod";
import type { AuditEventType } from "../../audit/event-types.ts";
import type { Services } from "../../endpoint/services.ts";
import { toIsoTime } from "../../platform/clock.ts";
import type { Invitation } from "../../users/invitations.ts";

export const invitationSent = {
  status: 202 as const,
  description: "The email is on its way.",
  schema: z.strictObject({
    status: z.literal("accepted"),
    expires_at: z.iso.datetime().meta({ description: "When the link expires." }),
  }),
};

export function presentSent(expiresAt: number): z.output<typeof invitationSent.schema> {
  return { status: "accepted", expires_at: toIsoTime(expiresAt) };
}

/**
 * The consequences of an invitation: an audit event, and an email with a link. The email names the operator with the id
 * `senderId`.
 */
export function sendingOf(
  { followUps }: Services,
  type: AuditEventType,
  { id: invitationId, email, locale, expiresAt }: Invitation,
  senderId: string,
) {
  return followUps.of({
    events: [{ type, actorId: senderId, details: { invitation_id: invitationId } }],
    mails: [{ kind: "invitation", invitationId, inviterId: senderId, email, locale, expiresAt }],
  });
}
