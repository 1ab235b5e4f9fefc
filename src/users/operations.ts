/** The routes of `/api/v1/users` as data: what each takes, gives and refuses. */
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
  summary: "Who am I?",
  description: "The user of the access token, under a strict check: the session is asked whether it is alive.",
  credentials,
  success: { status: 200, description: "The user.", schema: userSchema },
  refusals: ["unauthorized", "invalid_access_token"],
});

export const updateMeOperation = defineOperation({
  id: "updateMe",
  method: "put",
  path: "/api/v1/users/me",
  tag,
  summary: "Change my profile",
  description:
    "Only the fields that are sent change; `null` clears one that may be empty. With `If-Match` and the ETag of what was read, nothing changes that somebody else changed meanwhile.",
  credentials,
  body: () =>
    z.strictObject({
      username: username.optional(),
      first_name: personName.nullish(),
      last_name: personName.nullish(),
      phone: phoneNumber.nullish(),
      locale: locale.optional(),
    }),
  success: { status: 200, description: "The user as they are now.", schema: userSchema },
  refusals: ["unauthorized", "invalid_access_token", "username_taken", "precondition_failed", "rate_limited"],
});

export const changePasswordOperation = defineOperation({
  id: "changePassword",
  method: "post",
  path: "/api/v1/users/change-password",
  tag,
  summary: "Change the password",
  description:
    "This session lives on, every other ends, and the owner gets a mail. The new password is judged once the current one was right.",
  credentials,
  body: (config) =>
    z.strictObject({
      current_password: typedPassword,
      new_password: newPassword(config.passwords),
    }),
  success: { status: 204, description: "The password is changed." },
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
  summary: "My sessions",
  description: "Last used first.",
  credentials,
  success: { status: 200, description: "The sessions that are alive.", schema: sessionsSchema },
  refusals: ["unauthorized", "invalid_access_token"],
});

export const endSessionOperation = defineOperation({
  id: "endSession",
  method: "delete",
  path: "/api/v1/users/me/sessions/{id}",
  tag,
  summary: "End one of my sessions",
  credentials,
  success: { status: 204, description: "It has ended." },
  refusals: ["unauthorized", "invalid_access_token", "not_found"],
});

export const endOtherSessionsOperation = defineOperation({
  id: "endOtherSessions",
  method: "delete",
  path: "/api/v1/users/me/sessions",
  tag,
  summary: "End my other sessions",
  description: "Every session but the one that asks.",
  credentials,
  success: { status: 204, description: "They have ended." },
  refusals: ["unauthorized", "invalid_access_token"],
});

export const changeEmailOperation = defineOperation({
  id: "changeEmail",
  method: "post",
  path: "/api/v1/users/me/email",
  tag,
  summary: "Change my address",
  description:
    "A link goes to the new address, and a notice to the old one. Nothing changes until the link is used; until then, and for a while after, the link in the notice undoes it. A newer wish, a new password or a reset takes the confirmation's place. The answer does not tell whether the new address has an account.",
  credentials,
  body: (config) => z.strictObject({ email: allowedEmailAddress(config), password: typedPassword }),
  success: {
    status: 202,
    description: "The mails are on their way.",
    schema: z.strictObject({ status: z.literal("confirmation_required") }),
  },
  refusals: ["unauthorized", "invalid_access_token", "wrong_password", "validation_failed", "rate_limited", "busy"],
});

export const deleteMeOperation = defineOperation({
  id: "deleteMe",
  method: "delete",
  path: "/api/v1/users/me",
  tag,
  summary: "Delete my account",
  description:
    "The account, its sessions and its personal data are gone at once. Nobody can take its username for a while.",
  credentials,
  body: () => z.strictObject({ password: typedPassword }),
  success: { status: 204, description: "The account is gone." },
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
      .meta({ description: "What the user did, as an operator, to other people's accounts." }),
  })
  .meta({ id: "Export" });

export const exportMeOperation = defineOperation({
  id: "exportMe",
  method: "get",
  path: "/api/v1/users/me/export",
  tag,
  summary: "Everything held about me",
  description: "One JSON document, offered as a file.",
  credentials,
  success: { status: 200, description: "The document.", schema: exportSchema },
  refusals: ["unauthorized", "invalid_access_token", "rate_limited"],
});

export const listSecurityEventsOperation = defineOperation({
  id: "listSecurityEvents",
  method: "get",
  path: "/api/v1/users/me/security-events",
  tag,
  summary: "What happened to my account",
  description: "Newest first.",
  credentials,
  query: z.strictObject(pageQuery),
  success: {
    status: 200,
    description: "A page of events.",
    schema: z.strictObject({ items: z.array(ownEventSchema), next_cursor: z.string().nullable() }),
  },
  refusals: ["unauthorized", "invalid_access_token"],
});
