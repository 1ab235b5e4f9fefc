/** Routes for development. They exist only with `ENVIRONMENT=development`, which requires a loopback address. */
import * as z from "zod";
import { type App, addOperation, defineOperation } from "../http/operation.ts";
import { listOutbox } from "../mail/transports/outbox.ts";
import { toIsoTime } from "../platform/clock.ts";

const outboxSchema = z
  .strictObject({
    items: z.array(
      z.strictObject({
        to: z.email(),
        subject: z.string(),
        text: z.string(),
        html: z.string(),
        sent_at: z.iso.datetime(),
      }),
    ),
  })
  .meta({ id: "Outbox" });

const outboxOperation = defineOperation({
  id: "readOutbox",
  method: "get",
  path: "/dev/outbox",
  tag: "Development",
  summary: "Emails in development",
  description: "The emails that would have been sent, newest first. Exists only in development.",
  success: { status: 200, description: "The emails.", schema: outboxSchema },
  refusals: [],
});

export function addDevelopmentRoutes(app: App): void {
  addOperation(app, outboxOperation, async (c) => {
    const mails = await listOutbox(c.get("services").db);
    const items = mails.map(({ recipient, subject, text, html, sentAt }) => ({
      to: recipient,
      subject,
      text,
      html,
      sent_at: toIsoTime(sentAt),
    }));
    return c.json({ items }, 200);
  });
}
