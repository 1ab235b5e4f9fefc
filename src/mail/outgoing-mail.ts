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
