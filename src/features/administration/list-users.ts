import * as z from "zod";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { cursorOfPlace, OTHER_CURSOR, pageOf, pageQueryByPlace, toPage } from "../../http/paging.ts";
import { withoutSpacesAround } from "../../platform/spaces.ts";
import { role } from "../../users/fields.ts";
import { managedUserSchema, presentManagedUser } from "../../users/user.ts";

const flag = z
  .enum(["true", "false"], "Use true or false.")
  .transform((text) => text === "true")
  .optional();

export const listUsers = endpoint(
  {
    id: "listUsers",
    method: "get",
    path: "/api/v1/users/",
    tag: "Administration",
    summary: "List users",
    description:
      "Newest first: by the time of creation, then by id. With `q`, sorted by the part that matched: email first, otherwise username. A page with `q` can have fewer users than `limit`, even none, before the last one: go on until `next_cursor` is `null`.",
    caller: operator("list_users"),
    query: z
      .strictObject({
        ...pageQueryByPlace,
        q: z
          .string()
          .overwrite(withoutSpacesAround)
          .max(254, "Use 254 characters or fewer.")
          .optional()
          .meta({
            description: "The beginning of the email, as people type it, or of the username.",
            examples: ["ada"],
          }),
        role: role.optional(),
        is_active: flag,
        is_verified: flag,
        has_second_factor: flag,
      })
      .refine(({ cursor, q = "" }) => cursor === undefined || "name" in cursor === (q !== ""), {
        path: ["cursor"],
        ...OTHER_CURSOR,
      }),
    success: { status: 200, description: "A page of users.", schema: pageOf(managedUserSchema).meta({ id: "Users" }) },
  },
  async ({ administration, userSearch }, { query }) => {
    const { limit, cursor, q: prefix = "" } = query;
    const filter = {
      role: query.role,
      isActive: query.is_active,
      isVerified: query.is_verified,
      hasSecondFactor: query.has_second_factor,
    };
    if (prefix === "") {
      const after = cursor !== undefined && "id" in cursor ? cursor : undefined;
      const users = await administration.list(filter, { limit: limit + 1, after });
      return toPage(users, limit, presentManagedUser, cursorOfPlace);
    }
    const after = cursor !== undefined && "name" in cursor ? cursor.name : undefined;
    const { users, next } = await userSearch.find(prefix, filter, { limit, after });
    return { items: users.map(presentManagedUser), next_cursor: next === null ? null : cursorOfPlace({ name: next }) };
  },
);
