import type { AuditEvent, AuditOrigin } from "../audit/event-types.ts";
import { inTime, SECOND } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { inLogContext } from "../platform/log-context.ts";
import type { Meter } from "../platform/meter.ts";
import { createId, type Random } from "../platform/random.ts";
import { doublingPause } from "../platform/retry.ts";
import { continueTrace } from "../platform/trace.ts";
import type { Delivery } from "./deliveries.ts";

/** What an email tells the owner of an account, in the format of the mail queue (`mail/requests.ts`). */
export type OwnerNews =
  | { kind: "refresh_reused"; userId: string; device: string | null }
  | { kind: "second_factor_added" | "second_factor_removed"; userId: string; factor: "totp" | "passkey" | "email" }
  | { kind: "recovery_code_used"; userId: string; left: number }
  | {
      kind: "second_factors_removed" | "recovery_codes_replaced" | "passkey_counter_fell_back";
      userId: string;
    };

interface OwnerNotice {
  id: string;
  requestedAt: number;
  event: OwnerNews;
  traceparent?: string;
}

/** The request that an object reports about. */
export interface ReportOrigin {
  origin: AuditOrigin;
  traceparent: string | undefined;
}

/** The parts of a report that their queues have not accepted yet. */
interface Report {
  event?: AuditEvent | undefined;
  notice?: OwnerNotice | undefined;
}

export interface ReportQueues {
  AUDIT_QUEUE: Queue<AuditEvent>;
  MAIL_QUEUE: Queue<OwnerNotice>;
}

/**
 * The prefix of the storage key of each report. The id of the audit event follows, so the oldest report comes first.
 */
const REPORT = "owner_report:";
const FAILURES = "owner_report_failures";
const FIRST_RETRY = 1 * SECOND;
const LONGEST_RETRY = 300 * SECOND;
/** How many reports one try sends. A queue accepts at most 100 messages at once. */
const MOST_AT_ONCE = 50;

/**
 * Reports of what a user's object has done, such as a change or the use of a factor. Each report is an audit event and
 * an email to the owner. The object stores the report together with the change, and keeps it until the queues have
 * accepted both parts. The request can't report: if the object's answer is lost, the request does not know what was
 * done, and a retry finds nothing left to do. A repeated report has the same ids, so the audit log records it once.
 */
export class OwnerReports implements Delivery<ReportQueues> {
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

  add(
    about: Pick<AuditEvent, "type" | "actorId" | "details">,
    news: OwnerNews,
    { origin, traceparent }: ReportOrigin,
    now: number,
  ): void {
    const { userId } = news;
    const event = { ...about, id: createId(now, this.#random), occurredAt: now, userId, ...origin };
    const notice: OwnerNotice = {
      ...{ id: createId(now, this.#random), requestedAt: now, event: news },
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    this.#kept.put<Report>(REPORT + event.id, { event, notice });
  }

  /** Puts the oldest reports into the queues. If one queue fails, the messages in the other are not sent again. */
  async deliver({ AUDIT_QUEUE, MAIL_QUEUE }: ReportQueues): Promise<(meter: Meter) => void> {
    const reports = this.#oldest(MOST_AT_ONCE);
    const events = [...reports.values()].flatMap(({ event }) => event ?? []);
    const notices = [...reports.values()].flatMap(({ notice }) => notice ?? []);
    const trace = continueTrace(notices[0]?.traceparent, this.#random);
    const [audit, mail] = await Promise.allSettled([sendAll(AUDIT_QUEUE, events), sendAll(MAIL_QUEUE, notices)]);
    for (const [key, { event, notice }] of reports) {
      const id = key.slice(REPORT.length);
      const left = { ...(isRefused(audit) && { event }), ...(isRefused(mail) && { notice }) };
      if (left.event === undefined && left.notice === undefined) this.#kept.delete(key);
      else this.#kept.put<Report>(REPORT + id, left);
    }
    const [failed] = [audit, mail].filter(isRefused);
    const userId = events[0]?.userId ?? notices[0]?.event.userId ?? "";
    if (failed === undefined) this.#kept.delete(FAILURES);
    else inLogContext({ trace }, () => this.#noteFailure(failed.reason, userId));
    return (meter) => {
      if (isRefused(mail)) return;
      for (const { event } of notices) meter.count("emails", { kind: event.kind, state: "queued" });
    };
  }

  #noteFailure(error: unknown, userId: string): void {
    const attempts = this.#failures + 1;
    this.#kept.put(FAILURES, attempts);
    writeLog("error", { event: "change_not_reported", user_id: userId, attempts, error: describeError(error) });
  }

  #oldest(limit: number): Map<string, Report> {
    return new Map(this.#kept.list<Report>({ prefix: REPORT, limit }));
  }

  get #failures(): number {
    return this.#kept.get<number>(FAILURES) ?? 0;
  }
}

/**
 * Has a time limit, because the alarm also copies revocations to KV, and can run again only after this run has ended.
 */
async function sendAll<Message>(queue: Queue<Message>, messages: readonly Message[]): Promise<void> {
  if (messages.length > 0) await inTime(queue.sendBatch(messages.map((body) => ({ body }))));
}

function isRefused(result: PromiseSettledResult<void>): result is PromiseRejectedResult {
  return result.status === "rejected";
}
