import type { OutgoingMail } from "../outgoing-mail.ts";

/** Sends emails. It neither writes them nor decides about retries. */
export interface Transport {
  /**
   * Resolves when the next mail server or API has accepted the email.
   *
   * @throws {MailNotDelivered} otherwise; the queue then retries
   */
  deliver(mail: OutgoingMail): Promise<void>;
}

/**
 * The email was not accepted. The error only contains a stable reason, such as `smtp_auth`. Replies of servers quote
 * addresses and content, so neither their text nor a cause is kept.
 */
export class MailNotDelivered extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = "MailNotDelivered";
    this.reason = reason;
  }
}

/**
 * Refuses text that is not exactly one plain address. Addresses are validated long before, but a mail system could read
 * a comma, a line break or an angle bracket as a second recipient.
 */
export function requirePlainAddress(address: string): void {
  if (!/^[^\s<>(),;:"\\@\p{Cc}]+@[^\s<>(),;:"\\@\p{Cc}]+$/u.test(address)) throw new MailNotDelivered("mail_address");
}
