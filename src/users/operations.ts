/** The routes of `/api/v1/users` as data: inputs, answers and refusals. */
import * as z from "zod";
import { ownEventSchema } from "../audit/present-event.ts";
import { defineOperation } from "../http/operation.ts";
import { pageQuery } from "../http/paging.ts";
import { newPassword, typedPassword } from "../passwords/policy.ts";
import { sessionSchema } from "../sessions/present-session.ts";
import { allowedEmailAddress } from "./email-domains.ts";
import { locale, personName, phoneNumber, username } from "./fields.ts";
import { userSchema } from "./user.ts";

const tag = "Users";
const credentials = ["access_token"] as const;

export const readMeOperation = defineOperation({
  id: "readMe",
  method: "get",
  path: "/api/v1/users/me",
  tag,
  summary: "Read your profile",
  description: "The user of the access token. Also checks that the session has not ended.",
  credentials,
  success: { status: 200, description: "The user.", schema: userSchema },
  refusals: ["unauthorized", "invalid_access_token"],
});

export const updateMeOperation = defineOperation({
  id: "updateMe",
  method: "put",
  path: "/api/v1/users/me",
  tag,
  summary: "Update your profile",
  description:
    "Changes only the fields that are sent; `null` clears an optional field. Send the ETag as `If-Match` to refuse the update if the profile has changed since it was read.",
  credentials,
  body: () =>
    z.strictObject({
      username: username.optional(),
      first_name: personName.nullish(),
      last_name: personName.nullish(),
      phone: phoneNumber.nullish(),
      locale: locale.optional(),
    }),
  success: { status: 200, description: "The updated user.", schema: userSchema },
  refusals: ["unauthorized", "invalid_access_token", "username_taken", "precondition_failed", "rate_limited"],
});

export const changePasswordOperation = defineOperation({
  id: "changePassword",
  method: "post",
  path: "/api/v1/users/change-password",
  tag,
  summary: "Change your password",
  description:
    "Ends every other session and notifies the user by email. The new password is checked only if the current one is correct.",
  credentials,
  body: (config) =>
    z.strictObject({
      current_password: typedPassword,
      new_password: newPassword(config.passwords),
    }),
  success: { status: 204, description: "The password has been changed." },
  refusals: [
    "unauthorized",
    "invalid_access_token",
    "wrong_password",
    "validation_failed",
    "rate_limited",
    "busy",
    "unavailable",
  ],
});

const sessionsSchema = z.strictObject({ items: z.array(sessionSchema) }).meta({ id: "Sessions" });

export const listSessionsOperation = defineOperation({
  id: "listSessions",
  method: "get",
  path: "/api/v1/users/me/sessions",
  tag,
  summary: "List your sessions",
  description: "The most recently used session comes first.",
  credentials,
  success: { status: 200, description: "The active sessions.", schema: sessionsSchema },
  refusals: ["unauthorized", "invalid_access_token"],
});

export const endSessionOperation = defineOperation({
  id: "endSession",
  method: "delete",
  path: "/api/v1/users/me/sessions/{id}",
  tag,
  summary: "End one of your sessions",
  credentials,
  success: { status: 204, description: "The session has ended." },
  refusals: ["unauthorized", "invalid_access_token", "not_found"],
});

export const endOtherSessionsOperation = defineOperation({
  id: "endOtherSessions",
  method: "delete",
  path: "/api/v1/users/me/sessions",
  tag,
  summary: "End your other sessions",
  description: "Ends every session except the current one.",
  credentials,
  success: { status: 204, description: "The sessions have ended." },
  refusals: ["unauthorized", "invalid_access_token"],
});

export const changeEmailOperation = defineOperation({
  id: "changeEmail",
  method: "post",
  path: "/api/v1/users/me/email",
  tag,
  summary: "Change your email address",
  description:
    "Emails a confirmation link to the new address and a notice to the old one. The address changes when the confirmation link is used. The link in the notice cancels or undoes the change, also for some time afterwards. A newer request or a new password makes the confirmation link invalid. The answer does not reveal whether the new address has an account.",
  credentials,
  body: (config) => z.strictObject({ email: allowedEmailAddress(config), password: typedPassword }),
  success: {
    status: 202,
    description: "The emails have been queued.",
    schema: z.strictObject({ status: z.literal("confirmation_required") }),
  },
  refusals: ["unauthorized", "invalid_access_token", "wrong_password", "validation_failed", "rate_limited", "busy"],
});

export const deleteMeOperation = defineOperation({
  id: "deleteMe",
  method: "delete",
  path: "/api/v1/users/me",
  tag,
  summary: "Delete your account",
  description:
    "Deletes the account, its sessions and its personal data at once. The username stays reserved for some time.",
  credentials,
  body: () => z.strictObject({ password: typedPassword }),
  success: { status: 204, description: "The account has been deleted." },
  refusals: [
    "unauthorized",
    "invalid_access_token",
    "wrong_password",
    "last_superuser",
    "precondition_failed",
    "rate_limited",
    "busy",
  ],
});

const optionalTime = z.iso.datetime().nullable();

const exportSchema = z
  .strictObject({
    exported_at: z.iso.datetime(),
    user: userSchema.extend({ locale: z.string() }),
    sessions: z.array(sessionSchema),
    devices: z.array(
      z.strictObject({ digest: z.string(), first_seen_at: z.iso.datetime(), last_seen_at: z.iso.datetime() }),
    ),
    email_changes: z.array(
      z.strictObject({
        old_email: z.email(),
        new_email: z.email(),
        requested_at: z.iso.datetime(),
        confirmed_at: optionalTime,
        undone_at: optionalTime,
      }),
    ),
    security_events: z.array(ownEventSchema),
    events_of_others: z
      .array(
        z.strictObject({
          id: z.uuid(),
          type: z.string(),
          occurred_at: z.iso.datetime(),
          ip_address: z.string().nullable(),
          user_agent: z.string().nullable(),
        }),
      )
      .meta({ description: "What the user did to other accounts, as an operator." }),
  })
  .meta({ id: "Export" });

export const exportMeOperation = defineOperation({
  id: "exportMe",
  method: "get",
  path: "/api/v1/users/me/export",
  tag,
  summary: "Export your data",
  description: "Everything stored about the user, as a JSON file.",
  credentials,
  success: { status: 200, description: "The document.", schema: exportSchema },
  refusals: ["unauthorized", "invalid_access_token", "rate_limited"],
});

export const listSecurityEventsOperation = defineOperation({
  id: "listSecurityEvents",
  method: "get",
  path: "/api/v1/users/me/security-events",
  tag,
  summary: "List your security events",
  description: "The newest event comes first.",
  credentials,
  query: z.strictObject(pageQuery),
  success: {
    status: 200,
    description: "A page of events.",
    schema: z.strictObject({ items: z.array(ownEventSchema), next_cursor: z.string().nullable() }),
  },
  refusals: ["unauthorized", "invalid_access_token"],
});
