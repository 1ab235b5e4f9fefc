import type { Config } from "../../config/config.ts";
import type { Database } from "../../db/client.ts";
import type { Clock } from "../../platform/clock.ts";
import { createCloudflareTransport } from "./cloudflare.ts";
import { createOutboxTransport } from "./outbox.ts";
import { createResendTransport } from "./resend.ts";
import { createSmtpTransport } from "./smtp.ts";
import type { Transport } from "./transport.ts";

/**
 * Creates the transport that `MAIL_TRANSPORT` names.
 *
 * @throws if `MAIL_TRANSPORT` is `cloudflare` and `wrangler.toml` has no `send_email` binding named EMAIL
 */
export function chooseTransport(
  config: Config["mail"],
  parts: { email: SendEmail | undefined; db: Database; clock: Clock },
): Transport {
  switch (config.transport) {
    case "outbox":
      return createOutboxTransport(parts.db, parts.clock);
    case "smtp":
      return createSmtpTransport(config.smtp, config.from, parts.clock);
    case "resend":
      return createResendTransport(config.resendApiKey, config.from);
    case "cloudflare":
      if (parts.email === undefined) {
        throw new Error("MAIL_TRANSPORT=cloudflare needs a send_email binding named EMAIL in wrangler.toml.");
      }
      return createCloudflareTransport(parts.email, config.from);
  }
}
