import * as z from "zod";
import { may } from "../../access/permissions.ts";
import { operator } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { perUser } from "../../endpoint/limits.ts";
import { refuse } from "../../platform/refusal.ts";
import { emailAddress, username } from "../../users/fields.ts";
import { canonicalName } from "../../users/login-names.ts";
import { managedUserSchema, presentManagedUser, userEtag } from "../../users/user.ts";

export const lookUpUser = endpoint(
  {
    id: "lookUpUser",
    method: "get",
    path: "/api/v1/users/lookup",
    tag: "Administration",
    summary: "Look up a user",
    description: "By the whole email address or the whole username, ignoring case. 404 if no user has it.",
    caller: operator("read_users"),
    query: z
      .strictObject({ email: emailAddress.optional(), username: username.optional() })
      .refine(({ email, username }) => (email === undefined) !== (username === undefined), {
        path: ["email"],
        message: "Send either an email or a username.",
      }),
    limits: [perUser("userLookupPerUser")],
    success: { status: 200, description: "The user.", schema: managedUserSchema },
    refusals: ["not_found"],
  },
  async ({ administration }, { query: { email, username = "" }, caller }) => {
    const name = email === undefined ? { username: canonicalName(username) } : { email };
    const found = await administration.lookUp(name);
    if (found === undefined || !may(caller.user, "read_users", found)) return refuse("not_found");
    return new Reply(presentManagedUser(found), { ETag: userEtag(found) });
  },
);
