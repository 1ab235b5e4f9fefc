import { MailNotDelivered } from "./transport.ts";

/** The server could not be reached in time. */
export class SmtpTimeout extends Error {
  readonly code = "ETIMEDOUT";
}

/** The fields of an error that contain nothing about the email: codes of nodemailer and of the protocol. */
interface Failure extends Partial<Error> {
  code?: unknown;
  responseCode?: unknown;
}

/** Maps an error to a reason that is safe to log, and drops everything else. */
export function smtpFailure(error: unknown): MailNotDelivered {
  return new MailNotDelivered(reasonOf(error));
}

function reasonOf(error: unknown): string {
  const { code, responseCode }: Failure = error instanceof Error ? error : {};
  // With a reply, the server refused to encrypt. Without one, the encryption itself failed.
  if (code === "ETLS") return responseCode === undefined ? "smtp_tls_failed" : "smtp_tls_required";
  if (code === "EAUTH") return "smtp_auth";
  if (typeof responseCode === "number") return `smtp_rejected_${responseCode}`;
  if (code === "ETIMEDOUT" || code === "EABORT") return "smtp_timeout";
  // Untrusted certificates end here too: workerd only reports "internal error".
  return "smtp_connection";
}
