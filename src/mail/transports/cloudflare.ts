/** Delivery through a `send_email` binding (https://developers.cloudflare.com/email-service/). */
import {
  HEADERS,
  MailNotDelivered,
  parseSender,
  type Refused,
  requirePlainAddress,
  type Transport,
} from "./transport.ts";

/**
 * Creates the transport. `from` is an address or `Name <address>`. Its domain must be set up for sending in the
 * Cloudflare account.
 */
export function createCloudflareTransport(binding: SendEmail, from: string): Transport {
  const { name, address } = parseSender(from);
  const sender = name === "" ? address : { name, email: address };
  return {
    async deliver({ to, subject, text, html }) {
      requirePlainAddress(to);
      try {
        await binding.send({ from: sender, to, subject, text, html, headers: HEADERS });
      } catch (error) {
        throw failureOf(error);
      }
    },
  };
}

/** The binding's error codes after which another try would fail too (see "Error codes" in its reference). */
const REFUSED = new Map<string, Refused>([
  // The address bounced before, or its owner complained.
  ["E_RECIPIENT_SUPPRESSED", "address"],
  ["E_DELIVERY_FAILED", "email"],
  ["E_VALIDATION_ERROR", "email"],
  ["E_FIELD_MISSING", "email"],
  ["E_TOO_MANY_RECIPIENTS", "email"],
  ["E_CONTENT_TOO_LARGE", "email"],
]);

/** Uses only the error's code, which is stable. The error's message quotes addresses and must not be logged. */
function failureOf(error: unknown): MailNotDelivered {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!/^E_[A-Z_]{1,60}$/.test(code)) return new MailNotDelivered("cloudflare_failed");
  return new MailNotDelivered(`cloudflare_${code.slice(2).toLowerCase()}`, REFUSED.get(code));
}
