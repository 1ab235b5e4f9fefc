import { operator, recent } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { statusSchema } from "../../http/status.ts";
import { refuse } from "../../platform/refusal.ts";

export const retryEmail = endpoint(
  {
    id: "retryEmail",
    method: "post",
    path: "/api/v1/emails/dead-letters/{id}/retry",
    tag: "Administration",
    summary: "Send an email again that failed for good",
    description:
      "Requests the email again, with a new link, and takes it off the list. If a server refused its address, the address gets emails again. An email that is no longer needed is not sent.",
    caller: recent(operator("retry_emails")),
    success: { status: 202, description: "The email is on its way.", schema: statusSchema("accepted") },
    refusals: ["not_found"],
  },
  async ({ followUps, suppressions, undeliveredMails }, { caller, id }) => {
    const letter = await undeliveredMails.find(id);
    if (letter === undefined) return refuse("not_found");
    const { event, recipient } = letter;
    const concerned = "userId" in event ? { userId: event.userId } : {};
    const consequences = followUps.of({
      events: [{ type: "email_retried", actorId: caller.user.id, ...concerned, details: { kind: event.kind } }],
      mails: [event],
    });
    if (recipient !== null) await suppressions.lift(recipient);
    if (!(await undeliveredMails.takeOut(id, consequences))) return refuse("not_found");
    await followUps.carryOut(consequences);
    return { status: "accepted" };
  },
);
