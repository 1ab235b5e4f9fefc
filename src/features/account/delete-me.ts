import * as z from "zod";
import { checkCurrentPassword } from "../../accounts/check-password.ts";
import { deleteAccount } from "../../accounts/delete-account.ts";
import { userWithPassword } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { passwordGuesses } from "../../endpoint/limits.ts";
import { typedPassword } from "../../passwords/policy.ts";

export const deleteMe = endpoint(
  {
    id: "deleteMe",
    method: "delete",
    path: "/api/v1/users/me",
    tag: "Users",
    summary: "Delete your account",
    description:
      "The account, its sessions and its personal data are deleted at once. Its username stays reserved for a while.",
    caller: userWithPassword,
    body: () => z.strictObject({ password: typedPassword }),
    limits: [passwordGuesses],
    success: { status: 204, description: "The account is deleted." },
    refusals: ["wrong_password", "last_superuser", "precondition_failed", "busy"],
  },
  async (services, { body, caller, client }) =>
    (await checkCurrentPassword(services, caller.user, body.password, client.network)) ??
    (await deleteAccount(services, caller.user, caller.user)),
);
