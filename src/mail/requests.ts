/**
 * Requests for mails, as they lie in the queue: what happened to whom, never a link or a text. The
 * consumer looks the user up, decides whether there is a mail to send, and makes the link then.
 * So a route that must not tell whether an account exists does the same for every address.
 */
import type { AfterResponse } from "../platform/after-response.ts";
import type { Clock } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { createId, type Random } from "../platform/random.ts";
import { retry } from "../platform/retry.ts";

export type MailEvent =
  /** Somebody registered: verify the address. */
  | { kind: "verify_email"; registrationId: string }
  /** An operator invited whoever has this address. It is kept nowhere else. `expiresAt` is the link's end. */
  | {
      kind: "invitation";
      invitationId: string;
      inviterId: string;
      email: string;
      locale: string;
      expiresAt: number;
    }
  /** Somebody registered with an address that has an account. */
  | { kind: "account_exists"; userId: string }
  /** Too many wrong guesses: the password stopped working where nobody has logged in before. */
  | { kind: "password_blocked"; userId: string }
  /** A user changed their password. */
  | { kind: "password_changed"; userId: string }
  /** Somebody logged in from a device that was not seen before. */
  | { kind: "new_login"; userId: string; device: string | null; ipAddress: string }
  /** A refresh token was used again after it was replaced. */
  | { kind: "refresh_reused"; userId: string; device: string | null }
  /** Somebody asked to change their address: a link to the new one, a notice to the old one. */
  | { kind: "confirm_email" | "email_change_requested"; changeId: string }
  /** The new address was confirmed: a notice to the old one, which can undo it. */
  | { kind: "email_changed"; changeId: string }
  /** The account was deleted. The address is in the message, because it is nowhere else any more. */
  | { kind: "account_deleted"; email: string; locale: string }
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
  /**
   * Queues a notice of what is done already, once the request is answered: nobody waits for it. One that the
   * queue does not take is logged as lost.
   */
  notify(event: MailEvent): void;
}

export function createMailQueue(
  queue: Queue<MailRequest>,
  afterResponse: AfterResponse,
  hops: Hops,
  clock: Clock,
  random: Random,
): MailQueue {
  function requestOf(event: MailEvent): MailRequest {
    const requestedAt = clock.now();
    return { id: createId(requestedAt, random), requestedAt, event };
  }
  const send = (request: MailRequest) => hops.hop("queue", () => queue.send(request));

  async function sendNotice(request: MailRequest): Promise<void> {
    try {
      await retry(() => send(request));
    } catch (error) {
      const { event } = request;
      const user = "userId" in event ? { user_id: event.userId } : {};
      writeLog("error", { event: "notice_lost", mail_kind: event.kind, ...user, error: describeError(error) });
    }
  }

  return {
    async request(event) {
      await send(requestOf(event));
    },
    notify(event) {
      const request = requestOf(event);
      afterResponse.add(() => sendNotice(request));
    },
  };
}
