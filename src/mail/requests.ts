/**
 * Requests for emails, as they are stored in the queue. A request describes an event, and never contains a link or a
 * text. The consumer of the queue reads the user, decides whether an email is needed, and creates the link. So a route
 * that must not reveal whether an account exists can do the same work for every address.
 */
import * as z from "zod";
import type { AfterResponse } from "../platform/after-response.ts";
import { type Clock, MINUTE } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import type { Meter } from "../platform/meter.ts";
import { createId, type Random } from "../platform/random.ts";
import { retry } from "../platform/retry.ts";

export type MailEvent =
  /** A registration. The email verifies the address, or tells its owner that the address already has an account. */
  | ({ kind: "verify_email"; registrationId: string } & Returning)
  /**
   * An operator invited the owner of this address, for the first time or again. `inviterId`: the operator who sends
   * this email. `expiresAt`: when the link in the email expires.
   */
  | {
      kind: "invitation";
      invitationId: string;
      inviterId: string;
      email: string;
      locale: string;
      expiresAt: number;
    }
  /** After too many wrong guesses, the password stopped working on unknown networks. */
  | { kind: "password_blocked"; userId: string }
  | { kind: "password_changed" | "password_removed"; userId: string }
  | { kind: "new_login"; userId: string; device: string | null; ipAddress: string }
  /** A refresh token was used again after it was replaced, so Postern ended the session: the token may be stolen. */
  | { kind: "refresh_reused"; userId: string; device: string | null }
  /** `factor` is the kind of the second factor. */
  | { kind: "second_factor_added" | "second_factor_removed"; userId: string; factor: "totp" | "passkey" | "email" }
  /**
   * A login waits for a code. The consumer derives the code, so the queue never contains it. `epoch`: the user's
   * session epoch. `expiresAt`: milliseconds since the Unix epoch.
   */
  | { kind: "second_factor_code"; userId: string; loginId: string; epoch: number; expiresAt: number }
  /** `left`: how many recovery codes are still unused. */
  | { kind: "recovery_code_used"; userId: string; left: number }
  | { kind: "recovery_codes_replaced" | "passkey_counter_fell_back" | "second_factors_removed"; userId: string }
  /** A user asked to change their address. The new address gets a link, and the old address gets a notice. */
  | { kind: "confirm_email" | "email_change_requested"; changeId: string }
  /** The new address was confirmed. The notice to the old address has a link that undoes the change. */
  | { kind: "email_changed"; changeId: string }
  /** The account was deleted. The message contains the address because it is no longer stored anywhere else. */
  | { kind: "account_deleted"; email: string; locale: string }
  /**
   * A request to reset the password for this address, which may have no account. `byStranger` is set if anyone could
   * have made the request. It is absent if an operator or the service itself made the request.
   */
  | ({ kind: "reset_password"; email: string; byStranger?: true } & Returning)
  /** A request for a login link for this address, which may have no account. */
  | ({ kind: "email_login"; email: string } & Returning)
  /** A request for another verification link for this address, which may have no account. */
  | ({ kind: "resend_verification"; email: string } & Returning);

/**
 * `returnTo`: the path or URL to open when the user has used the link and has logged in. It was checked when the
 * request was made.
 */
interface Returning {
  returnTo?: string | undefined;
}

/** How long a login link works, in milliseconds. NIST SP 800-63B-4 §3.1.3.2 allows a code ten minutes. */
export const EMAIL_LOGIN_LIFETIME = 10 * MINUTE;

/**
 * A request in the queue. `event` is not validated, because only this service writes it; the consumer refuses unknown
 * kinds.
 */
export const mailRequest = z.object({
  /** Identical on every attempt. */
  id: z.uuid(),
  /** Milliseconds since the epoch. */
  requestedAt: z.int(),
  event: z.custom<MailEvent>(),
  /** The trace of the request that caused the email. The log lines of its delivery belong to the same trace. */
  traceparent: z.string().optional(),
});

export type MailRequest = z.output<typeof mailRequest>;

export type MailQueue = ReturnType<typeof createMailQueue>;

interface Parts {
  afterResponse: AfterResponse;
  clock: Clock;
  hops: Hops;
  meter: Meter;
  random: Random;
}

export function createMailQueue(
  queue: Queue<MailRequest>,
  { afterResponse, clock, hops, meter, random }: Parts,
  traceparent: string | undefined,
) {
  function requestOf(event: MailEvent): MailRequest {
    const requestedAt = clock.now();
    const caused = traceparent === undefined ? {} : { traceparent };
    return { id: createId(requestedAt, random), requestedAt, event, ...caused };
  }
  async function send(request: MailRequest): Promise<void> {
    await hops.hop("queue", () => queue.send(request));
    meter.count("emails", { kind: request.event.kind, state: "queued" });
  }

  async function sendNotice(request: MailRequest): Promise<boolean> {
    try {
      await retry(() => send(request));
      return true;
    } catch (error) {
      const { event } = request;
      const user = "userId" in event ? { user_id: event.userId } : {};
      meter.count("emails", { kind: event.kind, state: "lost" });
      writeLog("error", { event: "notice_lost", mail_kind: event.kind, ...user, error: describeError(error) });
      return false;
    }
  }

  return {
    requestOf,
    /**
     * When the oldest waiting email was put into the queue, in milliseconds since the epoch. `undefined` if no email
     * waits, or if the platform does not say.
     */
    async oldestQueued(): Promise<number | undefined> {
      if (typeof queue.metrics !== "function") return undefined;
      const { oldestMessageTimestamp: oldest } = await hops.hop("queue", () => queue.metrics());
      return oldest?.getTime();
    },
    /** Queues a request. Resolves when the queue has accepted it. */
    enqueue: send,
    /** Queues a new request for an event. Resolves when the queue has accepted it. */
    async request(event: MailEvent) {
      await send(requestOf(event));
    },
    /**
     * After the response, queues a notice about something that has already happened. If the queue does not accept the
     * notice, logs it as lost.
     */
    notify(event: MailEvent) {
      const request = requestOf(event);
      afterResponse.add(async () => {
        await sendNotice(request);
      });
    },
    /** Like `notify`, for work that already runs after the response. Returns whether the queue accepted the notice. */
    notifyNow: (event: MailEvent) => sendNotice(requestOf(event)),
  };
}
