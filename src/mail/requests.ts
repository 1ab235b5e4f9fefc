/**
 * Requests for mails, as they lie in the queue: what happened to whom, never a link or a text. The
 * consumer looks the user up, decides whether there is a mail to send, and makes the link then.
 * So a route that must not tell whether an account exists does the same for every address.
 */
import type { Clock } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { createId, type Random } from "../platform/random.ts";

export type MailEvent =
  /** Somebody registered: verify the address. */
  | { kind: "verify_email"; registrationId: string }
  /** Somebody registered with an address that has an account. */
  | { kind: "account_exists"; userId: string }
  /** A user changed their password. */
  | { kind: "password_changed"; userId: string }
  /** Somebody asked to reset the password of this address, which may be nobody's. */
  | { kind: "reset_password"; email: string }
  /** Somebody asked for another verification link for this address, which may be nobody's. */
  | { kind: "resend_verification"; email: string };

export interface MailRequest {
  /** Stays the same over retries. */
  id: string;
  requestedAt: number;
  event: MailEvent;
}

export interface MailQueue {
  /** Resolves when the queue has the request. */
  request(event: MailEvent): Promise<void>;
}

export function createMailQueue(queue: Queue<MailRequest>, hops: Hops, clock: Clock, random: Random): MailQueue {
  return {
    async request(event) {
      const requestedAt = clock.now();
      await hops.hop("queue", () => queue.send({ id: createId(requestedAt, random), requestedAt, event }));
    },
  };
}
