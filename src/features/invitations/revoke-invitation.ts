import { operator, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { refuse } from "../../platform/refusal.ts";

export const revokeInvitation = endpoint(
  {
    id: "revokeInvitation",
    method: "delete",
    path: "/api/v1/invitations/{id}",
    tag: "Administration",
    summary: "Revoke an invitation",
    description:
      "From then on, its links answer `invalid_token`. So do the links of all other invitations of the same address.",
    caller: recent(operator("invite_users")),
    success: { status: 204, description: "The invitation is revoked." },
    refusals: ["not_found"],
  },
  async ({ followUps, invitations }, { caller: { user }, id }) => {
    const consequences = followUps.of({
      events: [{ type: "invitation_revoked", actorId: user.id, details: { invitation_id: id } }],
    });
    return (await invitations.revoke(id, consequences)) ? undefined : refuse("not_found");
  },
);
