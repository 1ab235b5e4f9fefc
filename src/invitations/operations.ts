/** The routes of invitations as data: what each takes, gives and refuses. */
import * as z from "zod";
import { needs } from "../access/permissions.ts";
import { newAccountFields, statusSchema, token } from "../auth/schemas.ts";
import type { Config } from "../config.ts";
import { defineOperation } from "../http/operation.ts";
import { allowedEmailAddress } from "../users/email-domains.ts";
import { locale } from "../users/fields.ts";

export const inviteOperation = defineOperation({
  id: "inviteUser",
  method: "post",
  path: "/api/v1/invitations",
  tag: "Administration",
  summary: "Invite somebody",
  description: `Mails a link by which they choose a username and a password. Nothing is kept of an invitation; whoever missed it can be invited again. ${needs("invite_users")}`,
  credentials: ["access_token"],
  body: (config) => z.strictObject({ email: allowedEmailAddress(config), locale: locale.optional() }),
  success: {
    status: 202,
    description: "The mail is on its way.",
    schema: z.strictObject({
      status: z.literal("accepted"),
      expires_at: z.iso.datetime().meta({ description: "Until when the link is good." }),
    }),
  },
  refusals: ["unauthorized", "invalid_access_token", "forbidden", "registration_closed", "email_taken", "rate_limited"],
});

export const acceptInvitationBody = (config: Config) => z.strictObject({ token, ...newAccountFields(config) });

export const acceptInvitationOperation = defineOperation({
  id: "acceptInvitation",
  method: "post",
  path: "/api/v1/auth/accept-invitation",
  tag: "Authentication",
  summary: "Accept an invitation",
  description:
    "Spends the token of a mailed invitation, with the address that stands beside it in the link. The account is verified at once. A refused username or password leaves the link good; once the address has an account it is dead.",
  body: acceptInvitationBody,
  success: { status: 200, description: "The account is there: log in.", schema: statusSchema("verified") },
  refusals: [
    "invalid_token",
    "expired_token",
    "registration_closed",
    "username_taken",
    "invitation_used",
    "validation_failed",
    "busy",
    "unavailable",
    "rate_limited",
  ],
});
