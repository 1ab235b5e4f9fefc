/** The routes of invitations as data: inputs, answers and refusals. */
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
  summary: "Invite a user",
  description: `Emails a link to choose a username and a password. Invitations are not stored; send another if one was missed or has expired. ${needs("invite_users")}`,
  credentials: ["access_token"],
  body: (config) => z.strictObject({ email: allowedEmailAddress(config), locale: locale.optional() }),
  success: {
    status: 202,
    description: "The email has been queued.",
    schema: z.strictObject({
      status: z.literal("accepted"),
      expires_at: z.iso.datetime().meta({ description: "When the link expires." }),
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
    "Uses the token of an invitation together with the email address from the same link, and creates a verified account. If the username or the password is refused, the link still works. It stops working once the address has an account.",
  body: acceptInvitationBody,
  success: { status: 200, description: "The account has been created.", schema: statusSchema("verified") },
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
