/** The routes of `/api/v1/users` as data: what each takes, gives and refuses. */
import * as z from "zod";
import { defineOperation } from "../http/operation.ts";
import { newPassword, typedPassword } from "../passwords/policy.ts";
import { personName, phoneNumber, username } from "./fields.ts";
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
    }),
  success: { status: 200, description: "The user as they are now.", schema: userSchema },
  refusals: ["unauthorized", "invalid_access_token", "username_taken", "precondition_failed"],
});

export const changePasswordOperation = defineOperation({
  id: "changePassword",
  method: "post",
  path: "/api/v1/users/change-password",
  tag,
  summary: "Change the password",
  description: "This session lives on, every other ends, and the owner gets a mail.",
  credentials,
  body: (config) =>
    z.strictObject({
      current_password: typedPassword,
      new_password: newPassword(config.passwords.minimumLength),
    }),
  success: { status: 204, description: "The password is changed." },
  refusals: ["unauthorized", "invalid_access_token", "wrong_password", "rate_limited", "busy"],
});

const time = z.iso.datetime();

const sessionsSchema = z
  .strictObject({
    items: z.array(
      z.strictObject({
        id: z.uuid(),
        device_name: z.string().nullable(),
        user_agent: z.string().nullable(),
        ip_address: z.string().nullable(),
        created_at: time,
        last_used_at: time,
        expires_at: time.meta({ description: "When it ends unless it is used before." }),
        current: z.boolean().meta({ description: "Whether this is the session that asks." }),
      }),
    ),
  })
  .meta({ id: "Sessions" });

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
