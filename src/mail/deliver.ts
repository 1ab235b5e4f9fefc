/** The consumer of the mail queue: composes, sends, and asks for a retry where that failed. */
import { SECOND } from "../platform/clock.ts";
import { describeError, type LogFields, writeLog } from "../platform/log.ts";
import { doublingPause } from "../platform/retry.ts";
import { type ComposingParts, composeMail } from "./compose.ts";
import type { MailRequest } from "./requests.ts";
import type { Transport } from "./transports/transport.ts";

const FIRST_RETRY = 10 * SECOND;
const LONGEST_RETRY = 3_600 * SECOND;

/** Seconds until the next try: 10 s, doubling up to an hour. */
export function retryDelay(attempts: number): number {
  return doublingPause(attempts, FIRST_RETRY, LONGEST_RETRY) / SECOND;
}

/** Handles each message on its own: one that fails holds up no other. */
export async function deliverMails(
  batch: MessageBatch<MailRequest>,
  parts: ComposingParts & { transport: Transport },
): Promise<void> {
  await Promise.all(batch.messages.map((message) => deliverMail(message, parts)));
}

async function deliverMail(
  message: Message<MailRequest>,
  parts: ComposingParts & { transport: Transport },
): Promise<void> {
  // Read inside: a body that is none of ours must not hold up the others.
  let fields: Pick<LogFields, "mail_id" | "mail_kind" | "attempts"> = { attempts: message.attempts };
  try {
    const { id, event } = message.body;
    fields = { mail_id: id, mail_kind: event.kind, ...fields };
    const mail = await composeMail(message.body, message.attempts === 1, parts);
    if (mail !== undefined) await parts.transport.deliver(mail);
    message.ack();
    writeLog("info", { event: mail === undefined ? "mail_not_needed" : "mail_sent", ...fields });
  } catch (error) {
    message.retry({ delaySeconds: retryDelay(message.attempts) });
    writeLog("error", { event: "mail_failed", ...fields, error: describeError(error) });
  }
}
