/** The routes for operators as data: inputs, answers, refusals and the permission that each needs. */
import * as z from "zod";
import { needs } from "../access/permissions.ts";
import { defineOperation } from "../http/operation.ts";
import { pageQuery } from "../http/paging.ts";
import { personName, phoneNumber } from "../users/fields.ts";
import { userSchema } from "../users/user.ts";
import { ROLES } from "../verify/claims.ts";

const tag = "Administration";
const credentials = ["access_token"] as const;
const role = z.enum(ROLES, `Use one of ${ROLES.join(", ")}.`).meta({ examples: ["moderator"] });
const truth = z
  .enum(["true", "false"], "Use true or false.")
  .transform((text) => text === "true")
  .optional();

export const listUsersOperation = defineOperation({
  id: "listUsers",
  method: "get",
  path: "/api/v1/users/",
  tag,
  summary: "List users",
  description: `Newest first. ${needs("read_users")}`,
  credentials,
  query: z.strictObject({
    ...pageQuery,
    q: z
      .string()
      .max(254, "Use 254 characters or fewer.")
      .optional()
      .meta({ description: "The beginning of the email address or the username.", examples: ["ada"] }),
    role: role.optional(),
    is_active: truth,
    is_verified: truth,
  }),
  success: {
    status: 200,
    description: "A page of users.",
    schema: z.strictObject({ items: z.array(userSchema), next_cursor: z.string().nullable() }).meta({ id: "Users" }),
  },
  refusals: ["unauthorized", "invalid_access_token", "forbidden"],
});

export const readUserOperation = defineOperation({
  id: "readUser",
  method: "get",
  path: "/api/v1/users/{id}",
  tag,
  summary: "Read a user",
  description: needs("read_users"),
  credentials,
  success: { status: 200, description: "The user.", schema: userSchema },
  refusals: ["unauthorized", "invalid_access_token", "forbidden", "not_found"],
});

export const updateUserOperation = defineOperation({
  id: "updateUser",
  method: "patch",
  path: "/api/v1/users/{id}",
  tag,
  summary: "Change a user",
  description:
    "Changes only the fields that are sent; `null` clears an optional field. `role` needs the permission `grant_<role>`, `is_superuser` needs `grant_superuser`, `is_active` needs `suspend_users`, all other fields need `edit_users`. A change of role or status takes effect at once: older access tokens are refused, and a suspension ends every session. Send the ETag as `If-Match` to refuse the update if the user has changed since it was read.",
  credentials,
  body: () =>
    z.strictObject({
      role: role.optional(),
      is_active: z.boolean().optional(),
      is_verified: z.boolean().optional(),
      is_superuser: z.boolean().optional(),
      first_name: personName.nullish(),
      last_name: personName.nullish(),
      phone: phoneNumber.nullish(),
    }),
  success: { status: 200, description: "The updated user.", schema: userSchema },
  refusals: ["unauthorized", "invalid_access_token", "forbidden", "not_found", "last_superuser", "precondition_failed"],
});

export const deleteUserOperation = defineOperation({
  id: "deleteUser",
  method: "delete",
  path: "/api/v1/users/{id}",
  tag,
  summary: "Delete a user",
  description: `Deletes the account, its sessions and its personal data at once. ${needs("delete_users")}`,
  credentials,
  success: { status: 204, description: "The account has been deleted." },
  refusals: ["unauthorized", "invalid_access_token", "forbidden", "not_found", "last_superuser", "precondition_failed"],
});

export const revokeSessionsOperation = defineOperation({
  id: "revokeSessions",
  method: "post",
  path: "/api/v1/users/{id}/revoke-sessions",
  tag,
  summary: "End every session of a user",
  description: needs("end_sessions"),
  credentials,
  success: { status: 204, description: "The sessions have ended." },
  refusals: ["unauthorized", "invalid_access_token", "forbidden", "not_found"],
});

export const sendPasswordResetOperation = defineOperation({
  id: "sendPasswordReset",
  method: "post",
  path: "/api/v1/users/{id}/send-password-reset",
  tag,
  summary: "Email a user a password reset link",
  description: `Sends the same email as a request by the user. ${needs("send_password_resets")}`,
  credentials,
  success: {
    status: 202,
    description: "The email has been queued.",
    schema: z.strictObject({ status: z.literal("accepted") }),
  },
  refusals: ["unauthorized", "invalid_access_token", "forbidden", "not_found", "rate_limited"],
});
