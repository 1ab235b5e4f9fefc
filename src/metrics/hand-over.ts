/**
 * Hands what an isolate has counted to the Metrics object, after responses. An isolate that is lost takes its last
 * counts with it: at most 1,000 requests or ten seconds, whichever comes first. Without `METRICS_TOKEN`, little is
 * counted, and no request waits: then an isolate also keeps the counts of its last ten seconds until its next request.
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
      // The wait is limited, because a queue's consumer waits too, and its messages are done only when it ends.
      return await inTime(call(taken));
    } catch (error) {
      tally.putBack(taken);
      throw error;
    }
  }

  /** Never throws. */
  async function handOverNow(): Promise<void> {
    if (tally.isEmpty) return;
    try {
      // Not counted as a round trip: the request is over.
      await orPutBack(async (taken) => object().add(taken));
    } catch (error) {
      writeLog("warn", { event: "metrics_not_handed_over", error: describeError(error) });
    }
  }

  /** Without waiting, so that a request that counted nothing costs nothing. At most once in ten seconds. */
  async function handOverSometimes(): Promise<void> {
    const now = clock.now();
    // If the clock was set back, the last time may lie ahead.
    if (tally.isEmpty || Math.abs(now - tally.handedOverAt) < PERIOD) return;
    tally.handedOverAt = now;
    await handOverNow();
  }

  return {
    /**
     * Hands over at once. For work that is not a request, such as a queue's consumer: waiting for ten seconds would
     * also delay its messages.
     */
    handOverNow,
    /**
     * Call it after each response. One request waits for ten seconds, then hands over what all requests have counted
     * meanwhile. If that request is lost, another one takes its place after twice that time. Never throws.
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

    /** The numbers of all isolates, including what this isolate has not handed over yet. One round trip. */
    read: () => hops.hop("metrics", () => orPutBack(async (taken): Promise<HandOver> => object().read(taken))),

    /** The history of all isolates since a time, by hours or days, oldest first. One round trip. */
    history: (since: number, unit: "hour" | "day") =>
      hops.hop("metrics", () =>
        orPutBack(async (taken): Promise<HistoryPeriod[]> => object().history(taken, since, unit)),
      ),
  };
}
