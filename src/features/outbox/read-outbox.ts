import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { listOutbox } from "../../mail/transports/outbox.ts";
import { toIsoTime } from "../../platform/clock.ts";
import { storedEmail } from "../../users/fields.ts";

const outboxSchema = z
  .strictObject({
    items: z.array(
      z.strictObject({
        to: storedEmail,
        subject: z.string(),
        text: z.string(),
        html: z.string(),
        sent_at: z.iso.datetime(),
      }),
    ),
  })
  .meta({ id: "Outbox" });

/** Exists only in development mode, which answers only on a loopback address. */
export const readOutbox = endpoint(
  {
    id: "readOutbox",
    method: "get",
    path: "/dev/outbox",
    tag: "Development",
    summary: "Read the emails that would have been sent",
    description: "Newest first. Exists only in development.",
    success: { status: 200, description: "The emails.", schema: outboxSchema },
  },
  async ({ db }) => {
    const emails = await listOutbox(db);
    return {
      items: emails.map(({ recipient, subject, text, html, sentAt }) => ({
        to: recipient,
        subject,
        text,
        html,
        sent_at: toIsoTime(sentAt),
      })),
    };
  },
);
