import * as z from "zod";
import { operator } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { pageOf, pageQuery, toPage } from "../../http/paging.ts";
import type { UndeliveredMail } from "../../mail/undelivered.ts";
import { toIsoTime } from "../../platform/clock.ts";

const deadLetterSchema = z
  .strictObject({
    id: z.uuid(),
    kind: z.string().meta({ examples: ["reset_password"] }),
    to: z.string().nullable().meta({ description: "`null` if the email could not even be written." }),
    reason: z.string().meta({ examples: ["smtp_rejected_550"] }),
    failed_at: z.iso.datetime(),
    attempts: z.int(),
  })
  .meta({ id: "DeadLetter" });

export const listDeadLetters = endpoint(
  {
    id: "listDeadLetters",
    method: "get",
    path: "/api/v1/emails/dead-letters",
    tag: "Administration",
    summary: "List the emails that failed for good",
    description:
      "Emails that a server refused permanently, and emails that failed for a day. Newest request first. An email is listed for a week after its request.",
    caller: operator("read_dead_letters"),
    query: z.strictObject(pageQuery),
    success: {
      status: 200,
      description: "A page of emails.",
      schema: pageOf(deadLetterSchema).meta({ id: "DeadLetters" }),
    },
  },
  async ({ undeliveredMails }, { query: { limit, cursor } }) => {
    const letters = await undeliveredMails.list({ limit: limit + 1, before: cursor });
    return toPage(letters, limit, present);
  },
);

function present({ id, event, recipient, reason, failedAt, attempts }: UndeliveredMail) {
  return { id, kind: event.kind, to: recipient, reason, failed_at: toIsoTime(failedAt), attempts };
}
