/** An email that is ready to send: rendered, with one recipient, and identical on every attempt. */
export interface OutgoingMail {
  /** Identical on every attempt, so that duplicates can be recognized. */
  id: string;
  /** One address, without a name. */
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** Sends emails. It neither writes them nor decides about retries. */
export interface Transport {
  /**
   * Resolves when the next mail server or API has accepted the email.
   *
   * @throws {MailNotDelivered} if the email was not accepted
   */
  deliver(mail: OutgoingMail): Promise<void>;
}

/**
 * What a mail server refused permanently. `address`: every email to this address, for example because the address was
 * made up. `email`: only this email, for example because a spam filter refused its text. A failure of the connection,
 * the credentials or a quota is neither.
 */
export type Refused = "email" | "address";

/**
 * The email was not accepted. The error contains only a stable reason, such as `smtp_auth`. It keeps neither the
 * server's reply nor a cause, because replies quote addresses and content.
 */
export class MailNotDelivered extends Error {
  readonly reason: string;
  /** `undefined` if another try can succeed. */
  readonly refused: Refused | undefined;

  constructor(reason: string, refused?: Refused) {
    super(reason);
    this.name = "MailNotDelivered";
    this.reason = reason;
    this.refused = refused;
  }
}

/**
 * Refuses text that is not exactly one plain address. Addresses were validated before. They are checked again here,
 * because a mail system could read a comma, a line break or an angle bracket as the start of another recipient.
 */
export function requirePlainAddress(address: string): void {
  if (!/^[^\s<>(),;:"\\@\p{Cc}]+@[^\s<>(),;:"\\@\p{Cc}]+$/u.test(address))
    throw new MailNotDelivered("mail_address", "address");
}

/** The sender of emails, as name and address. */
export interface Sender {
  /** Empty if the configuration only has an address. */
  name: string;
  address: string;
}

/**
 * Parses `Name <address>` or a plain address, whose format the configuration has already checked. Quotation marks
 * around a name are not part of it (RFC 5322 §3.2.4).
 */
export function parseSender(from: string): Sender {
  const nameEnd = from.lastIndexOf(" <");
  if (nameEnd === -1) return { name: "", address: from };
  const name = from.slice(0, nameEnd);
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"$/.exec(name) ?? [];
  return { name: quoted?.replaceAll(/\\(.)/g, "$1") ?? name, address: from.slice(nameEnd + 2, -1) };
}

/**
 * The sender as one text. A name is quoted unless it consists of plain words (RFC 5322 §3.2.4): a comma, for example,
 * would end the address. Characters beyond ASCII stay as they are (RFC 6532).
 */
export function formatSender({ name, address }: Sender): string {
  if (name === "") return address;
  const isPlain = /^[\w!#$%&'*+\-/=?^`{|}~ ]+$/.test(name);
  return `${isPlain ? name : `"${name.replaceAll(/["\\]/g, "\\$&")}"`} <${address}>`;
}

/** The domain of a sender's address. */
export function domainOf({ address }: Sender): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

/** Headers of every email. `Auto-Submitted` tells programs that send absence notices not to reply (RFC 3834 §5). */
export const HEADERS = { "Auto-Submitted": "auto-generated" };
