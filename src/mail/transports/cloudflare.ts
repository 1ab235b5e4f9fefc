/** Delivery through a `send_email` binding (https://developers.cloudflare.com/email-service/). */
import { HEADERS, MailNotDelivered, parseSender, requirePlainAddress, type Transport } from "./transport.ts";

/**
 * Creates the transport. `from` is an address or `Name <address>`, with a domain that the Cloudflare account has
 * onboarded.
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
        throw new MailNotDelivered(reasonOf(error));
      }
    },
  };
}

/**
 * The binding's error codes, such as `E_RATE_LIMIT_EXCEEDED`, are stable. Its messages quote addresses and must not be
 * logged.
 */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^E_[A-Z_]{1,60}$/.test(code) ? `cloudflare_${code.slice(2).toLowerCase()}` : "cloudflare_failed";
}
