import type { AuditEvent, AuditOrigin } from "../audit/event-types.ts";
import type { Delivery } from "../objects/deliveries.ts";
import { inTime, SECOND } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { inLogContext } from "../platform/log-context.ts";
import type { Meter } from "../platform/meter.ts";
import { createId, type Random } from "../platform/random.ts";
import { doublingPause } from "../platform/retry.ts";
import { continueTrace } from "../platform/trace.ts";

/** The email to the owner, as the mail queue takes it (`mail/requests.ts`). */
export interface ReuseNotice {
  id: string;
  requestedAt: number;
  event: { kind: "refresh_reused"; userId: string; device: string | null };
  traceparent?: string;
}

/** What is known when a refresh token comes again. `device` is the session's device name, or else its user agent. */
interface Reuse {
  userId: string;
  sessionId: string;
  device: string | null;
  origin: AuditOrigin;
  traceparent: string | undefined;
}

interface Report {
  event: AuditEvent;
  notice: ReuseNotice;
}

export interface ReportQueues {
  AUDIT_QUEUE: Queue<AuditEvent>;
  MAIL_QUEUE: Queue<ReuseNotice>;
}

/** Begins the key of each report. The id of its event follows, so the oldest report comes first. */
const REPORT = "reuse_report:";
const FAILURES = "reuse_report_failures";
const FIRST_RETRY = 1 * SECOND;
const LONGEST_RETRY = 300 * SECOND;
/** Below the 100 messages that a queue takes at once. */
const MOST_AT_ONCE = 50;

/**
 * Reused refresh tokens of which the owner and the audit log have not been told yet. They are stored in the user's
 * object with the end of the session. The request can't report them: if it loses the object's answer, its retry finds a
 * session that has ended, which means nothing. Repeating a report does no harm, because its ids stay the same.
 */
export class ReuseReports implements Delivery<ReportQueues> {
  readonly #kept: SyncKvStorage;
  readonly #random: Random;

  constructor(kept: SyncKvStorage, random: Random) {
    this.#kept = kept;
    this.#random = random;
  }

  get isLeft(): boolean {
    return this.#oldest(1).size > 0;
  }

  dueAt(now: number): number {
    const failures = this.#failures;
    return failures === 0 ? now : now + doublingPause(failures, FIRST_RETRY, LONGEST_RETRY);
  }

  add({ userId, sessionId, device, origin, traceparent }: Reuse, now: number): void {
    const event: AuditEvent = {
      ...{ id: createId(now, this.#random), type: "refresh_token_reused", occurredAt: now, actorId: null, userId },
      ...origin,
      details: { session_id: sessionId },
    };
    const notice: ReuseNotice = {
      ...{ id: createId(now, this.#random), requestedAt: now, event: { kind: "refresh_reused", userId, device } },
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    this.#kept.put<Report>(REPORT + event.id, { event, notice });
  }

  /** Puts the oldest into the queues. */
  async deliver(queues: ReportQueues): Promise<(meter: Meter) => void> {
    const reports = this.#oldest(MOST_AT_ONCE);
    const [first] = reports.values();
    const trace = continueTrace(first?.notice.traceparent, this.#random);
    const isSent = await inLogContext({ trace }, () => this.#send([...reports.values()], queues));
    if (!isSent) return () => {};
    for (const key of reports.keys()) this.#kept.delete(key);
    return (meter) => {
      for (const _ of reports) meter.count("emails", { kind: "refresh_reused", state: "queued" });
    };
  }

  /** Returns whether the queues have accepted all. */
  async #send(reports: readonly Report[], { AUDIT_QUEUE, MAIL_QUEUE }: ReportQueues): Promise<boolean> {
    try {
      // The alarm copies revocations too, and the next one starts only after this one has ended.
      await inTime(
        Promise.all([
          AUDIT_QUEUE.sendBatch(reports.map(({ event }) => ({ body: event }))),
          MAIL_QUEUE.sendBatch(reports.map(({ notice }) => ({ body: notice }))),
        ]),
      );
      this.#kept.delete(FAILURES);
      return true;
    } catch (error) {
      const attempts = this.#failures + 1;
      this.#kept.put(FAILURES, attempts);
      const user = { user_id: reports[0]?.notice.event.userId ?? "" };
      writeLog("error", { event: "reuse_not_reported", ...user, attempts, error: describeError(error) });
      return false;
    }
  }

  #oldest(limit: number): Map<string, Report> {
    return new Map(this.#kept.list<Report>({ prefix: REPORT, limit }));
  }

  get #failures(): number {
    return this.#kept.get<number>(FAILURES) ?? 0;
  }
}
