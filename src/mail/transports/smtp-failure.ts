import { MailNotDelivered } from "./transport.ts";

/** The server could not be reached in time. */
export class SmtpTimeout extends Error {
  readonly code = "ETIMEDOUT";
}

/** The parts of a failure that say nothing about the mail: codes of nodemailer and of the protocol. */
interface Failure extends Partial<Error> {
  code?: unknown;
  responseCode?: unknown;
}

/** What went wrong, as a reason that is safe to log. Everything else that the error says is dropped. */
export function smtpFailure(error: unknown): MailNotDelivered {
  return new MailNotDelivered(reasonOf(error));
}

function reasonOf(error: unknown): string {
  const { code, responseCode }: Failure = error instanceof Error ? error : {};
  // A reply says that the server will not encrypt; without one, encrypting went wrong.
  if (code === "ETLS") return responseCode === undefined ? "smtp_tls_failed" : "smtp_tls_required";
  if (code === "EAUTH") return "smtp_auth";
  if (typeof responseCode === "number") return `smtp_rejected_${responseCode}`;
  if (code === "ETIMEDOUT" || code === "EABORT") return "smtp_timeout";
  // A certificate that is not trusted ends here as well: workerd says nothing but "internal error".
  return "smtp_connection";
}
