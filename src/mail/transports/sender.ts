/** The sender of emails, as name and address. */
export interface Sender {
  /** Empty if the configuration only has an address. */
  name: string;
  address: string;
}

/** Parses `Name <address>` or a plain address. The configuration has already validated the format. */
export function parseSender(from: string): Sender {
  const nameEnd = from.lastIndexOf(" <");
  return nameEnd === -1
    ? { name: "", address: from }
    : { name: from.slice(0, nameEnd), address: from.slice(nameEnd + 2, -1) };
}
