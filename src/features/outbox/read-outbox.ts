import * as z from "zod";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import type { Exchange } from "../../http/exchange.ts";
import { listOutbox } from "../../mail/transports/outbox.ts";
import { toIsoTime } from "../../platform/clock.ts";
import { encodeBase64url } from "../../platform/encoding.ts";
import type { Random } from "../../platform/random.ts";
import { storedEmail } from "../../users/fields.ts";

const outboxSchema = z
  .strictObject({
    items: z.array(
      z.strictObject({
        id: z.string(),
        to: storedEmail,
        subject: z.string(),
        text: z.string(),
        html: z.string(),
        sent_at: z.iso.datetime(),
      }),
    ),
  })
  .meta({ id: "Outbox" });

/**
 * The Content-Security-Policy of the outbox page: as strict as on the hosted pages, except for the HTML of emails. The
 * frame that shows an email inherits this policy, and the frame's `sandbox` attribute allows no scripts. The page's
 * script adds the nonce to the email's styles, and fills the frame with the Trusted Types policy `outbox`.
 */
const policyWith = (nonce: string) =>
  `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types outbox; frame-ancestors 'none'`;

/** Where the page's script finds the nonce. */
const NONCE = "{{style_nonce}}";

/** Exists only in development mode, which answers only on a loopback address. */
export const readOutbox = endpoint(
  {
    id: "readOutbox",
    method: "get",
    path: "/dev/outbox",
    tag: "Development",
    summary: "Read the emails that would have been sent",
    description:
      "Newest first. Exists only in development. A browser, whose `Accept` names `text/html`, gets a page that shows them.",
    // The page polls this route, so most answers are a 304.
    isConditional: true,
    success: { status: 200, description: "The emails.", schema: outboxSchema, orPage: true },
  },
  async ({ db, random }, { exchange }) => {
    if (exchange.isForBrowser()) return outboxPage(exchange, random);
    const emails = await listOutbox(db);
    const items = emails.map(({ id, recipient, subject, text, html, sentAt }) => ({
      id,
      to: recipient,
      subject,
      text,
      html,
      sent_at: toIsoTime(sentAt),
    }));
    return new Reply({ items }, { Vary: "Accept" });
  },
);

async function outboxPage({ fetchAsset }: Exchange, random: Random): Promise<Response> {
  const nonce = encodeBase64url(random.bytes(16));
  const page = await fetchAsset("/pages/outbox.html");
  return new Response((await page.text()).replace(NONCE, nonce), {
    headers: {
      "Content-Type": "text/html; charset=UTF-8",
      "Content-Security-Policy": policyWith(nonce),
      Vary: "Accept",
    },
  });
}
