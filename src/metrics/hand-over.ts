/**
 * Hands the counts of an isolate to the Metrics object, after responses. With `METRICS_TOKEN`, one request waits for
 * ten seconds, and then hands over what all requests have counted. The 1,000th request since the last hand-over doesn't
 * wait, but hands over at once. If an isolate is lost, the counts since its last hand-over are lost too. Without
 * `METRICS_TOKEN`, only the counters with a history are counted. No request waits: a later request hands them over.
 */
import { type Clock, inTime, pause, SECOND } from "../platform/clock.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import type { HistoryPeriod } from "./history.ts";
import type { Metrics } from "./metrics-object.ts";
import type { HandOver, Tally } from "./tally.ts";

const PERIOD = 10 * SECOND;
const MOST_REQUESTS = 1_000;

export type MetricsStore = ReturnType<typeof createMetricsStore>;

export function createMetricsStore(
  objects: DurableObjectNamespace<Metrics>,
  tally: Tally,
  { clock, hops }: { clock: Clock; hops: Hops },
  { isAll = true, wait = pause } = {},
) {
  const object = () => objects.getByName("metrics");

  async function orPutBack<Result>(call: (taken: HandOver) => Promise<Result>): Promise<Result> {
    const taken = tally.take();
    try {
      // The time is limited, because a queue's consumer waits for this call before its messages count as done.
      return await inTime(call(taken));
    } catch (error) {
      tally.putBack(taken);
      throw error;
    }
  }

  /** Hands over at once, unless nothing was counted. Never throws. */
  async function handOverNow(): Promise<void> {
    if (tally.isEmpty) return;
    try {
      // Not counted as a round trip of the request, because the response has been sent.
      await orPutBack(async (taken) => object().add(taken));
    } catch (error) {
      writeLog("warn", { event: "metrics_not_handed_over", error: describeError(error) });
    }
  }

  /** Hands over at most once in ten seconds, without waiting. Costs nothing if nothing was counted. */
  async function handOverSometimes(): Promise<void> {
    const now = clock.now();
    // The absolute value, because the clock can be set back, and `handedOverAt` may then be in the future.
    if (tally.isEmpty || Math.abs(now - tally.handedOverAt) < PERIOD) return;
    tally.handedOverAt = now;
    await handOverNow();
  }

  return {
    /**
     * Hands over at once. Use this for work that is not a request, such as a queue's consumer, where a wait of ten
     * seconds would also delay messages.
     */
    handOverNow,
    /**
     * Call this after each response. One request waits for ten seconds, then hands over what all requests have counted
     * meanwhile. If that request is lost, another request begins to wait after twenty seconds. Never throws.
     */
    async handOver(): Promise<void> {
      if (!isAll) return handOverSometimes();
      tally.requests += 1;
      if (tally.requests < MOST_REQUESTS) {
        const now = clock.now();
        if (tally.waitsSince !== undefined && now - tally.waitsSince < 2 * PERIOD) return;
        tally.waitsSince = now;
        await wait(PERIOD);
        tally.waitsSince = undefined;
      }
      await handOverNow();
    },

    /** Hands over the counts of this isolate, and returns the counts of all isolates. One round trip. */
    read: () => hops.hop("metrics", () => orPutBack(async (taken): Promise<HandOver> => object().read(taken))),

    /**
     * Hands over the counts of this isolate, and returns the history of all isolates since a time, by hours or days,
     * oldest first. One round trip.
     */
    history: (since: number, unit: "hour" | "day") =>
      hops.hop("metrics", () =>
        orPutBack(async (taken): Promise<HistoryPeriod[]> => object().history(taken, since, unit)),
      ),
  };
}
