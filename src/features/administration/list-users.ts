import * as z from "zod";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { cursorOfPlace, pageOf, pageQueryByTime, toPage } from "../../http/paging.ts";
import { withoutSpacesAround } from "../../platform/spaces.ts";
import { role } from "../../users/fields.ts";
import { presentUser, userSchema } from "../../users/user.ts";

const flag = z
  .enum(["true", "false"], "This takes true or false.")
  .transform((text) => text === "true")
  .optional();

export const listUsers = endpoint(
  {
    id: "listUsers",
    method: "get",
    path: "/api/v1/users/",
    tag: "Administration",
    summary: "List users",
    description: "Newest first: by the time of creation, then by id.",
    caller: operator("list_users"),
    query: z.strictObject({
      ...pageQueryByTime,
      q: z
        .string()
        .overwrite(withoutSpacesAround)
        .max(254, "This has at most 254 characters.")
        .optional()
        .meta({ description: "The beginning of the email, as people type it, or of the username.", examples: ["ada"] }),
      role: role.optional(),
      is_active: flag,
      is_verified: flag,
    }),
    success: { status: 200, description: "A page of users.", schema: pageOf(userSchema).meta({ id: "Users" }) },
  },
  async ({ administration }, { query }) => {
    const { limit, cursor, q: prefix, role, is_active: isActive, is_verified: isVerified } = query;
    const filter = { prefix, role, isActive, isVerified };
    const users = await administration.list(filter, { limit: limit + 1, after: cursor });
    return toPage(users, limit, presentUser, cursorOfPlace);
  },
);
