/** Who a mail comes from, taken apart. */
export interface Sender {
  /** Empty where the configuration names only an address. */
  name: string;
  address: string;
}

/** Takes `Name <address>` or a bare address apart. Its form was checked by the configuration. */
export function parseSender(from: string): Sender {
  const nameEnd = from.lastIndexOf(" <");
  return nameEnd === -1
    ? { name: "", address: from }
    : { name: from.slice(0, nameEnd), address: from.slice(nameEnd + 2, -1) };
}
