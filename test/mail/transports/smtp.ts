/** Shared by the tests of the SMTP transport: the servers, transports to them, and the received emails. */
import { expect, inject } from "vitest";
import { createSmtpTransport, type SmtpSettings } from "../../../src/mail/transports/smtp.ts";
import { MailNotDelivered } from "../../../src/mail/transports/transport.ts";
import { systemClock } from "../../../src/platform/clock.ts";
import { describeError } from "../../../src/platform/log.ts";
import type { Mailbox, ReceivedMail } from "../../support/smtp-server.ts";

export const ports = inject("smtp");
export const account = { user: "postern", password: "correct horse" };
/** Short timeouts for servers that do not answer. All other servers answer within them. */
export const impatient = { connection: 400, greeting: 400, silence: 400, delivery: 1_000 };

export function transport(server: keyof typeof ports, tls: SmtpSettings["tls"], credentials = {}) {
  return build({ host: "localhost", port: ports[server], tls, ...credentials });
}

export function build(settings: SmtpSettings, timeouts?: typeof impatient) {
  return createSmtpTransport(settings, "Postern <no-reply@example.com>", systemClock, timeouts);
}

/** The local part selects the server's behavior. The part after the dot keeps the tests apart. */
export function mailTo(behaviour: string) {
  const id = crypto.randomUUID();
  return {
    id,
    to: `${behaviour}.${id}@example.com`,
    subject: "Hello",
    text: "https://link",
    html: "<p>https://link</p>",
  };
}

export async function mailbox(to: string): Promise<Mailbox> {
  const response = await fetch(`http://127.0.0.1:${ports.mailbox}/?to=${encodeURIComponent(to)}`);
  return response.json<Mailbox>();
}

export async function received(to: string): Promise<ReceivedMail[]> {
  return (await mailbox(to)).mails;
}

export function headers(mail: ReceivedMail | undefined): string {
  return mail?.raw.slice(0, mail.raw.indexOf("\r\n\r\n") + 2) ?? "";
}

/** Expects that the attempt fails, and that the logged error contains the reason and nothing else. */
export async function expectFailure(attempt: Promise<void>, reason: string): Promise<void> {
  const error = await attempt.then(() => undefined).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MailNotDelivered);
  expect(error).toMatchObject({ message: reason, reason });
  expect(error).not.toHaveProperty("cause");
  expect(describeError(error)).toBe(`MailNotDelivered: ${reason}`);
}
