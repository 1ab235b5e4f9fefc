import { deleteAccount } from "../../accounts/delete-account.ts";
import { operatorOn, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";

export const deleteUser = endpoint(
  {
    id: "deleteUser",
    method: "delete",
    path: "/api/v1/users/{id}",
    tag: "Administration",
    summary: "Delete a user",
    description: "The account, its sessions and its personal data are deleted at once.",
    caller: recent(operatorOn("delete_users")),
    success: { status: 204, description: "The account is deleted." },
    refusals: ["last_superuser", "precondition_failed"],
  },
  (services, { caller }) => deleteAccount(services, caller.target, caller.user),
);
