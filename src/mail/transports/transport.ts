import type { OutgoingMail } from "../outgoing-mail.ts";

/** A way out for mails. What is written and when it is tried again is decided elsewhere. */
export interface Transport {
  /**
   * Resolves when the next hop has taken the mail over.
   *
   * @throws {MailNotDelivered} in every other case; the queue then tries again.
   */
  deliver(mail: OutgoingMail): Promise<void>;
}

/**
 * The mail was not handed over. All that it says is a stable reason, like `smtp_auth`: what servers
 * answer quotes addresses and content, so neither their text nor a cause is ever kept.
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
 * Refuses an address that is more than one plain address. The edge has checked it long before; but
 * what a mail system makes of a comma, a line break or an angle bracket is a second recipient.
 */
export function requirePlainAddress(address: string): void {
  if (!/^[^\s<>(),;:"\\@\p{Cc}]+@[^\s<>(),;:"\\@\p{Cc}]+$/u.test(address)) throw new MailNotDelivered("mail_address");
}
