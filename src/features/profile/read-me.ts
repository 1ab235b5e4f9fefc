import { user } from "../../endpoint/callers.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { presentUser, userEtag, userSchema } from "../../users/user.ts";

export const readMe = endpoint(
  {
    id: "readMe",
    method: "get",
    path: "/api/v1/users/me",
    tag: "Users",
    summary: "Read your own account",
    description: "Checks the access token strictly: its session must still be live.",
    caller: user,
    success: { status: 200, description: "The user.", schema: userSchema },
  },
  async (_, { caller }) => new Reply(presentUser(caller.user), { ETag: userEtag(caller.user) }),
);
