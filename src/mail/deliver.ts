/** The consumer of the mail queue: composes and sends each email, and retries failures. */
import { SECOND } from "../platform/clock.ts";
import { describeError, type LogFields, writeLog } from "../platform/log.ts";
import { doublingPause } from "../platform/retry.ts";
import { composeMail } from "./compose.ts";
import type { ComposingParts } from "./composing-parts.ts";
import type { MailRequest } from "./requests.ts";
import type { Transport } from "./transports/transport.ts";

const FIRST_RETRY = 10 * SECOND;
const LONGEST_RETRY = 3_600 * SECOND;

/** Seconds until the next try: 10 s at first, doubling up to an hour. */
export function retryDelay(attempts: number): number {
  return doublingPause(attempts, FIRST_RETRY, LONGEST_RETRY) / SECOND;
}

/** Handles each message on its own, so that a failure does not affect the others. */
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
  // The body is read inside the try block: an unreadable one must not affect the other messages.
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
