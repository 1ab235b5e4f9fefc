/** A mail that is ready to go out: rendered, addressed to one person, and the same at every attempt. */
export interface OutgoingMail {
  /** Stays the same over retries, so that a mail that arrived twice is recognisable as one. */
  id: string;
  /** One bare address. */
  to: string;
  subject: string;
  text: string;
  html: string;
}
