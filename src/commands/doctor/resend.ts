/** Checks Resend's API key and the sender's domain (https://resend.com/docs/api-reference/domains/list-domains). */
import * as z from "zod";
import type { Config } from "../../config/config.ts";
import { parseSender } from "../../mail/transports/transport.ts";
import { SECOND } from "../../platform/clock.ts";
import { parseJson } from "../../platform/encoding.ts";
import { type Finding, failed, ok, warning } from "./finding.ts";
import { describeFailure } from "./service.ts";

const refusalSchema = z.object({ name: z.string() });
const domainsSchema = z.object({ data: z.array(z.object({ name: z.string(), status: z.string() })) });

export async function askResend({ resendApiKey, from }: Config["mail"]): Promise<Finding> {
  let answer: { status: number; json: unknown };
  try {
    const response = await fetch("https://api.resend.com/domains", {
      // Resend answers 403 to requests without a user agent.
      headers: { Authorization: `Bearer ${resendApiKey}`, "User-Agent": "postern" },
      redirect: "manual",
      signal: AbortSignal.timeout(10 * SECOND),
    });
    answer = { status: response.status, json: parseJson(await response.text()) };
  } catch (error) {
    return failed(
      `Resend does not answer: ${describeFailure(error)}.`,
      "Check the network, and https://resend-status.com.",
    );
  }
  // This error name means that the key is right but may only send emails. A wrong key gets another error name.
  if (refusalSchema.safeParse(answer.json).data?.name === "restricted_api_key")
    return ok("Resend accepts the API key, which may only send. Whether it may send from MAIL_FROM, --mail shows.");
  const domains = domainsSchema.safeParse(answer.json).data?.data;
  if (domains === undefined)
    return answer.status >= 500
      ? failed(`Resend has a failure (status ${answer.status}).`, "Try again later.")
      : failed(
          `Resend refuses the API key (status ${answer.status}).`,
          "Check RESEND_API_KEY at https://resend.com/api-keys.",
        );
  const domain = parseSender(from).address.split("@").at(-1) ?? "";
  const known = domains.find(({ name }) => name === domain);
  if (known?.status === "verified") return ok(`Resend accepts the API key, and has verified ${domain}.`);
  return warning(
    `Resend accepts the API key, and has not verified the sender's domain ${domain}.`,
    "Add its DNS records at https://resend.com/domains, or change MAIL_FROM.",
  );
}
