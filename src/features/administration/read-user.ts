import { operatorOn } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { managedUserSchema, presentManagedUser, userEtag } from "../../users/user.ts";

export const readUser = endpoint(
  {
    id: "readUser",
    method: "get",
    path: "/api/v1/users/{id}",
    tag: "Administration",
    summary: "Read a user",
    caller: operatorOn("read_users"),
    success: { status: 200, description: "The user.", schema: managedUserSchema },
  },
  async (_, { caller: { target } }) => new Reply(presentManagedUser(target), { ETag: userEtag(target) }),
);
