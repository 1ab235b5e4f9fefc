/**
 * The consumer of the mail queue: composes and sends each email. Retries failures. An email that the mail server
 * refuses permanently is not retried: it goes to the dead-letter queue at once. Every email that goes there is also
 * stored in D1, where operators can list it.
 */
import type { AuditEventStore } from "../audit/event-store.ts";
import { NO_REQUEST } from "../audit/event-types.ts";
import { SECOND } from "../platform/clock.ts";
import { describeError, type LogFields, writeLog } from "../platform/log.ts";
import { inLogContext } from "../platform/log-context.ts";
import type { EmailState, Meter } from "../platform/meter.ts";
import { createId, type Random } from "../platform/random.ts";
import { doublingPause } from "../platform/retry.ts";
import { continueTrace } from "../platform/trace.ts";
import { composeMail } from "./compose.ts";
import type { ComposingParts } from "./composing-parts.ts";
import { type MailRequest, mailRequest } from "./requests.ts";
import type { SuppressionList } from "./suppressions.ts";
import { MailNotDelivered, type OutgoingMail, type Transport } from "./transports/transport.ts";
import type { UndeliveredMails } from "./undelivered.ts";

const FIRST_RETRY = 10 * SECOND;
const LONGEST_RETRY = 3_600 * SECOND;
/**
 * From this try on, a failure is logged as an error. This try starts two and a half minutes after the first. A server
 * that makes unknown senders wait (greylisting) accepts an email within that time.
 */
const PATIENT_TRIES = 5;

/** After this many tries, a message goes to the dead-letter queue: `max_retries` of `wrangler.toml`, plus 1. */
export const MOST_TRIES = 31;

const traced = mailRequest.pick({ traceparent: true });

/** The services that `deliverMails` uses. */
interface DeliveryParts extends ComposingParts {
  transport: Transport;
  suppressions: SuppressionList;
  undeliveredMails: UndeliveredMails;
  deadLetters: Queue<MailRequest>;
  auditEvents: AuditEventStore;
  random: Random;
  meter: Meter;
}

/** The outcome of an email that is not tried again. */
interface Outcome extends LogFields {
  event: "mail_sent" | "mail_not_needed" | "mail_suppressed" | "mail_refused";
}

/** The state that the metrics count for each outcome. */
const STATES = {
  mail_sent: "sent",
  mail_not_needed: "not_needed",
  mail_suppressed: "suppressed",
  mail_refused: "refused",
} as const;

/** Seconds until the next try: 10 s at first, doubling up to an hour. */
export function retryDelay(attempts: number): number {
  return doublingPause(attempts, FIRST_RETRY, LONGEST_RETRY) / SECOND;
}

/** Handles each message on its own, so that a failure does not affect the others. */
export async function deliverMails(batch: MessageBatch<MailRequest>, parts: DeliveryParts): Promise<void> {
  await Promise.all(
    batch.messages.map((message) => inLogContext(contextOf(message, parts), () => deliverMail(message, parts))),
  );
}

/** Continues the trace of the request that caused the email. */
function contextOf({ body }: Message<unknown>, { random }: DeliveryParts) {
  const caused = traced.safeParse(body);
  return { trace: continueTrace(caused.data?.traceparent, random) };
}

async function deliverMail(message: Message<MailRequest>, parts: DeliveryParts): Promise<void> {
  // The body is read inside the try block, because an unreadable body must not affect the other messages.
  let fields: Pick<LogFields, "mail_id" | "mail_kind" | "attempts"> = { attempts: message.attempts };
  let mail: OutgoingMail | undefined;
  const count = (state: EmailState) => parts.meter.count("emails", { kind: fields.mail_kind ?? "other", state });
  try {
    const { id, event } = message.body;
    fields = { mail_id: id, mail_kind: event.kind, ...fields };
    mail = await composeMail(message.body, message.attempts === 1, parts);
    const outcome: Outcome = mail === undefined ? { event: "mail_not_needed" } : await sendMail(message, mail, parts);
    message.ack();
    count(STATES[outcome.event]);
    writeLog("info", { ...outcome, ...fields });
  } catch (error) {
    if (message.attempts >= MOST_TRIES) await keepUndelivered(message, mail, error, parts);
    message.retry({ delaySeconds: retryDelay(message.attempts) });
    count("retried");
    const level = message.attempts < PATIENT_TRIES ? "warn" : "error";
    writeLog(level, { event: "mail_failed", ...fields, error: describeError(error) });
  }
}

/**
 * Sends an email, unless its address is suppressed. Returns what to log.
 *
 * @throws if another try can succeed
 */
async function sendMail(message: Message<MailRequest>, mail: OutgoingMail, parts: DeliveryParts): Promise<Outcome> {
  const { clock, suppressions, transport } = parts;
  // No mail server can have a domain under `.invalid` (RFC 6761, section 6.4). The smoke test of a deployment uses such
  // an address.
  if (mail.to.endsWith(".invalid")) return { event: "mail_suppressed" };
  const suppressedUntil = await suppressions.find(mail.to);
  if (suppressedUntil !== undefined && clock.now() < suppressedUntil) return { event: "mail_suppressed" };
  try {
    await transport.deliver(mail);
  } catch (error) {
    if (!(error instanceof MailNotDelivered) || error.refused === undefined) throw error;
    await giveUp(message, mail.to, error, parts);
    return { event: "mail_refused", error: describeError(error) };
  }
  if (suppressedUntil !== undefined) await forgetSuppression(mail.to, parts);
  return { event: "mail_sent" };
}

/**
 * Handles an email that was refused permanently. Sends the request to the dead-letter queue itself, because a consumer
 * can move a message there only by using up its retries. Records the refusal, without the address, in `DB` and not in
 * `AUDIT_DB`, so that a failure of `AUDIT_DB` causes no other try. If any step here fails, the email is tried again. So
 * the address is suppressed last: the next try sends nothing to a suppressed address, and would skip the other steps.
 */
async function giveUp(
  { attempts, body: request }: Message<MailRequest>,
  address: string,
  { reason, refused }: MailNotDelivered,
  { auditEvents, clock, deadLetters, random, registrations, suppressions, undeliveredMails }: DeliveryParts,
): Promise<void> {
  const now = clock.now();
  await deadLetters.send(request);
  await undeliveredMails.keep(request, { recipient: address, reason, failedAt: now, attempts });
  const { user } = await registrations.findNewest(address);
  await auditEvents.stage([
    {
      id: createId(now, random),
      type: "email_refused",
      occurredAt: now,
      actorId: null,
      userId: user?.id ?? null,
      ...NO_REQUEST,
      details: { kind: request.event.kind, reason, suppressed: refused === "address" },
    },
  ]);
  if (refused === "address") await suppressions.suppress(address, now);
}

/** Stores an email whose last try failed. Never throws: the dead-letter queue gets the message in any case. */
async function keepUndelivered(
  { attempts, body }: Message<MailRequest>,
  mail: OutgoingMail | undefined,
  error: unknown,
  { clock, undeliveredMails }: DeliveryParts,
): Promise<void> {
  try {
    const failure = { reason: describeError(error), failedAt: clock.now(), attempts };
    await undeliveredMails.keep(body, { recipient: mail?.to ?? null, ...failure });
  } catch (failure) {
    writeLog("warn", { event: "undelivered_not_kept", error: describeError(failure) });
  }
}

/** Never throws, because the email was sent already: a retry would send it twice. */
async function forgetSuppression(address: string, { clock, suppressions }: DeliveryParts): Promise<void> {
  try {
    await suppressions.forget(address, clock.now());
  } catch (error) {
    writeLog("warn", { event: "suppression_not_forgotten", error: describeError(error) });
  }
}
