import { endpoint } from "../../endpoint/endpoint.ts";
import { DAY, toIsoTime } from "../../platform/clock.ts";

/** RFC 9116 §2.5.5 recommends less than a year. Each response has a new date, so the file never expires. */
const VALID_FOR = 90 * DAY;

/** Served only if `SECURITY_CONTACT` is set. */
export const readSecurityTxt = endpoint(
  {
    id: "readSecurityTxt",
    method: "get",
    path: "/.well-known/security.txt",
    tag: "Well-known",
    summary: "Whom to tell about a vulnerability",
    description: "RFC 9116. Exists only if the operator has set `SECURITY_CONTACT`.",
    success: { status: 200, description: "The contact.", contentType: "text/plain" },
  },
  async ({ clock, config: { publicUrl, securityContact } }) => {
    const lines = [
      `Contact: ${securityContact}`,
      `Expires: ${toIsoTime(clock.now() + VALID_FOR)}`,
      "Preferred-Languages: en, de",
      `Canonical: ${publicUrl}/.well-known/security.txt`,
    ];
    return new Response(`${lines.join("\n")}\n`, { headers: { "Content-Type": "text/plain; charset=UTF-8" } });
  },
);
