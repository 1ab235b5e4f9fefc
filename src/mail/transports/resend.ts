/** Delivery through the HTTP API of Resend (https://resend.com/docs/api-reference/emails/send-email). */
import {
  formatSender,
  HEADERS,
  MailNotDelivered,
  type OutgoingMail,
  parseSender,
  type Refused,
  requirePlainAddress,
  type Transport,
} from "./transport.ts";

const ENDPOINT = "https://api.resend.com/emails";

/** Milliseconds after which an attempt is aborted. The queue retries later. */
const TIMEOUT = 15_000;

/** Creates the transport. `from` is an address or `Name <address>`, with a domain that is verified at Resend. */
export function createResendTransport(apiKey: string, from: string): Transport {
  const sender = formatSender(parseSender(from));
  return {
    async deliver(mail) {
      requirePlainAddress(mail.to);
      const response = await send(apiKey, sender, mail);
      // An unread body would keep its connection open.
      const answer = await response.text().catch(() => "");
      if (!response.ok) throw new MailNotDelivered(`resend_${response.status}`, refusedBy(response.status, answer));
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
        // Resend does not send an email again if it received the same key in the last 24 hours.
        "Idempotency-Key": mail.id,
        // Resend answers 403 to requests without a user agent, and Workers do not set one.
        "User-Agent": "postern",
      },
      body: JSON.stringify({ from, to: [to], subject, text, html, headers: HEADERS }),
      // The API key and the link in the email must not be sent to another host.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT),
    });
  } catch {
    throw new MailNotDelivered("resend_unreachable");
  }
}

/**
 * Statuses of responses after which another try can succeed: the operator's key or domain is wrong (401, 403), there is
 * a conflict with an earlier try (409), or the cause is timing or a quota (408, 425, 429). Redirects and failures of
 * Resend (5xx) are retried too.
 */
const PASSING = [401, 403, 408, 409, 425, 429];

/**
 * Returns what Resend has refused permanently, or `undefined` if another try can succeed. The response names the wrong
 * field in backquotes. Resend only checks the form of an address: a bounce comes later.
 */
function refusedBy(status: number, answer: string): Refused | undefined {
  if (status < 400 || status >= 500 || PASSING.includes(status)) return undefined;
  return answer.includes("`to`") ? "address" : "email";
}
