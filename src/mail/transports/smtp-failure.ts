import { MailNotDelivered, type Refused } from "./transport.ts";

/** The connection or the whole delivery took too long. */
export class SmtpTimeout extends Error {
  readonly code = "ETIMEDOUT";
}

/** The fields of nodemailer's errors. `response` quotes addresses, so only the codes in it are used. */
interface Failure extends Partial<Error> {
  code?: unknown;
  command?: unknown;
  response?: unknown;
  responseCode?: unknown;
}

/** Maps an error to a reason that is safe to log, and drops everything else. */
export function smtpFailure(error: unknown): MailNotDelivered {
  const failure: Failure = error instanceof Error ? error : {};
  return new MailNotDelivered(reasonOf(failure), refusedBy(failure));
}

function reasonOf({ code, responseCode }: Failure): string {
  // If the server sent a reply, it refused to encrypt. If there is no reply, the encryption itself failed.
  if (code === "ETLS") return responseCode === undefined ? "smtp_tls_failed" : "smtp_tls_required";
  if (code === "EAUTH") return "smtp_auth";
  if (typeof responseCode === "number") return `smtp_rejected_${responseCode}`;
  if (code === "ETIMEDOUT") return "smtp_timeout";
  // Untrusted certificates end here too: workerd only reports "internal error".
  return "smtp_connection";
}

/** The commands that carry an email. If a server refuses an earlier command, it refuses Postern and not the email. */
const CARRYING = ["MAIL FROM", "RCPT TO", "DATA"];

/** Replies about authentication: Postern must log in first, or its login failed (RFC 4954 §6). */
const AUTHENTICATION = [530, 534, 535, 538];

/**
 * Enhanced status codes (RFC 3463) that are about the recipient: no such address or domain, a disabled mailbox, no
 * route. Codes about the sender (5.1.7, 5.1.8), a full mailbox (5.2.2), the text or a policy (5.7.1) don't match,
 * because the next email to the address may be accepted.
 */
const ABOUT_ADDRESS = /^5\.(1\.(?![78]$)\d+|2\.1|4\.[14])$/;

/**
 * Status codes about the recipient's mailbox, for a reply without an enhanced code: there is no mailbox, it has moved,
 * its name is not allowed, or its domain accepts no email (RFC 5321 §4.2.3, RFC 7504). A full mailbox (552), a policy
 * (554) and the order of commands (503) are not listed.
 */
const ABOUT_MAILBOX = [550, 551, 553, 556];

/**
 * Returns what a server has refused permanently, or `undefined` if another try can succeed. Replies from 500 to 599 are
 * permanent (RFC 5321 §4.2.1). The enhanced status code may be missing on some lines of a reply, and some servers write
 * `#` in front of this code.
 */
function refusedBy({ command, response, responseCode }: Failure): Refused | undefined {
  const isPermanent = typeof responseCode === "number" && responseCode >= 500 && !AUTHENTICATION.includes(responseCode);
  if (!isPermanent || !CARRYING.includes(String(command))) return undefined;
  // At this command, the server doesn't know the recipient yet.
  if (command === "MAIL FROM") return "email";
  const [, enhanced] = /^\d{3}[ -]#?(\d\.\d{1,3}\.\d{1,3})\b/m.exec(String(response)) ?? [];
  const isAboutAddress =
    enhanced === undefined
      ? command === "RCPT TO" && ABOUT_MAILBOX.includes(responseCode)
      : ABOUT_ADDRESS.test(enhanced);
  return isAboutAddress ? "address" : "email";
}
