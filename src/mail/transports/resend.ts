/** Delivery through the HTTP API of Resend (https://resend.com/docs/api-reference/emails/send-email). */
import type { OutgoingMail } from "../outgoing-mail.ts";
import { MailNotDelivered, requirePlainAddress, type Transport } from "./transport.ts";

const ENDPOINT = "https://api.resend.com/emails";

/** Milliseconds until an attempt is given up. The queue makes the next one. */
const TIMEOUT = 15_000;

/** Builds the transport. `from` is an address, or `Name <address>`, of a domain verified at Resend. */
export function createResendTransport(apiKey: string, from: string): Transport {
  return {
    async deliver(mail) {
      requirePlainAddress(mail.to);
      const response = await send(apiKey, from, mail);
      // The answer says nothing that is needed, and a body left unread would hold its connection.
      await response.body?.cancel();
      if (!response.ok) throw new MailNotDelivered(`resend_${response.status}`);
    },
  };
}

async function send(apiKey: string, from: string, mail: OutgoingMail): Promise<Response> {
  const { to, subject, text, html } = mail;
  try {
    return await fetch(ENDPOINT, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${apiKey}`,
        "Content-Type": "application/json",
        // Resend answers a mail that it has already taken in the last 24 hours as it did at first.
        "Idempotency-Key": mail.id,
        // Resend refuses requests without one with 403, and Workers send none of their own accord.
        "User-Agent": "postern",
      },
      body: JSON.stringify({ from, to: [to], subject, text, html }),
      // The key and the link in the mail go to nobody but the endpoint.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch {
    throw new MailNotDelivered("resend_unreachable");
  }
}
