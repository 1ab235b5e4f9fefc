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
   * @throws {MailNotDelivered} otherwise
   */
  deliver(mail: OutgoingMail): Promise<void>;
}

/**
 * What was refused permanently: this email, or every email to its address. A made-up address is an `address`; a text
 * that a spam filter refuses is an `email`. A failure of the connection, the credentials or a quota is neither.
 */
export type Refused = "email" | "address";

/**
 * The email was not accepted. The error only contains a stable reason, such as `smtp_auth`. Replies of servers quote
 * addresses and content, so neither their text nor a cause is kept.
 */
export class MailNotDelivered extends Error {
  readonly reason: string;
  /** If undefined, another try can succeed. */
  readonly refused: Refused | undefined;

  constructor(reason: string, refused?: Refused) {
    super(reason);
    this.name = "MailNotDelivered";
    this.reason = reason;
    this.refused = refused;
  }
}

/**
 * Refuses text that is not exactly one plain address. Addresses are validated long before, but a mail system could read
 * a comma, a line break or an angle bracket as a second recipient.
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
 * Parses `Name <address>` or a plain address. The configuration has already validated the format. A name in quotation
 * marks is meant without them (RFC 5322 §3.2.4).
 */
export function parseSender(from: string): Sender {
  const nameEnd = from.lastIndexOf(" <");
  if (nameEnd === -1) return { name: "", address: from };
  const name = from.slice(0, nameEnd);
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"$/.exec(name) ?? [];
  return { name: quoted?.replaceAll(/\\(.)/g, "$1") ?? name, address: from.slice(nameEnd + 2, -1) };
}

/**
 * The sender as one text. A name that is more than plain words is quoted (RFC 5322 §3.2.4): a comma would otherwise end
 * the address. Other characters than ASCII stay as they are (RFC 6532).
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
