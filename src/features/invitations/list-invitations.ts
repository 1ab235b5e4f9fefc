import * as z from "zod";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { pageOf, pageQuery, toPage } from "../../http/paging.ts";
import { toIsoTime } from "../../platform/clock.ts";
import { storedEmail } from "../../users/fields.ts";
import type { Invitation } from "../../users/invitations.ts";

const time = z.iso.datetime();

const invitationSchema = z
  .strictObject({
    id: z.uuid(),
    email: storedEmail,
    locale: z.string().meta({ description: "The language of its emails." }),
    invited_by: z.uuid().meta({ description: "The operator who sent it first. They may have been deleted since." }),
    created_at: time,
    expires_at: time.meta({ description: "When its newest link expires." }),
    state: z.enum(["open", "expired"]).meta({ description: "`expired` if none of its links works any more." }),
  })
  .meta({ id: "Invitation" });

export const listInvitations = endpoint(
  {
    id: "listInvitations",
    method: "get",
    path: "/api/v1/invitations",
    tag: "Administration",
    summary: "List invitations",
    description:
      "Newest first. Invitations that were accepted or revoked are not listed. One that has expired is listed for another week.",
    caller: operator("invite_users"),
    query: z.strictObject(pageQuery),
    success: {
      status: 200,
      description: "A page of invitations.",
      schema: pageOf(invitationSchema).meta({ id: "Invitations" }),
    },
  },
  async ({ clock, invitations }, { query: { limit, cursor } }) => {
    const now = clock.now();
    const found = await invitations.list({ limit: limit + 1, before: cursor });
    return toPage(found, limit, (invitation) => present(invitation, now));
  },
);

function present(
  { id, email, locale, invitedBy, createdAt, expiresAt }: Invitation,
  now: number,
): z.output<typeof invitationSchema> {
  return {
    id,
    email,
    locale,
    invited_by: invitedBy,
    created_at: toIsoTime(createdAt),
    expires_at: toIsoTime(expiresAt),
    state: now < expiresAt ? "open" : "expired",
  };
}
