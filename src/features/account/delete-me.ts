import * as z from "zod";
import { confirmChange, requireConfirmation } from "../../accounts/check-password.ts";
import { deleteAccount } from "../../accounts/delete-account.ts";
import { confirmingUser } from "../../endpoint/callers.ts";
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
    caller: confirmingUser,
    body: () => z.strictObject({ password: typedPassword.optional() }),
    admit: (_, { body: { password }, caller }) => requireConfirmation(caller.user, { field: "password", password }),
    limits: [passwordGuesses],
    success: { status: 204, description: "The account is deleted." },
    refusals: ["wrong_password", "validation_failed", "last_superuser", "precondition_failed", "busy"],
  },
  async (services, { body: { password }, caller, client: { network } }) =>
    (await confirmChange(services, caller.user, { field: "password", password, network })) ??
    (await deleteAccount(services, caller.user, caller.user)),
);
