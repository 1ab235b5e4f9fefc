/**
 * The meter of one request or other invocation. Adds to the tally of the isolate. If Analytics Engine is bound, also
 * writes each event there.
 */
import { SECOND } from "../platform/clock.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { type Meter, NO_METER } from "../platform/meter.ts";
import { type Label, seriesKey } from "./counts.ts";
import { BUCKETS, boundedValues, COUNTERS, HISTOGRAMS } from "./families.ts";
import { hasHistory } from "./history.ts";
import type { Tally } from "./tally.ts";

/** The platform allows 250 data points per invocation. Further data points are left out. */
const MOST_POINTS = 250;

/**
 * Without `tally`, only Analytics Engine gets the events. Without `isAll`, the tally gets only counters with a history.
 */
export function createMeter(
  tally: Tally | undefined,
  analytics: AnalyticsEngineDataset | undefined,
  { isAll = true } = {},
): Meter {
  if (tally === undefined && analytics === undefined) return NO_METER;
  const writePoint = analytics === undefined ? () => {} : pointWriter(analytics);

  function note(family: string, labels: Label[], increments: number[], value: number): void {
    if (isAll || hasHistory(family)) tally?.add({ [seriesKey(family, labels)]: increments });
    writePoint(family, labels, value);
  }

  return {
    count: (name, labels) => note(name, boundedValues(COUNTERS[name], labels), [1], 1),
    time(name, labels, milliseconds) {
      // Never negative, even if the clock is set back: Prometheus treats a falling sum as a restart.
      const seconds = Math.max(0, milliseconds) / SECOND;
      note(name, boundedValues(HISTOGRAMS[name], labels), observation(seconds), seconds);
    },
    noteWaiting(passwords) {
      if (isAll) tally?.noteWaiting(passwords);
    },
  };
}

/** One observation as the increments of a histogram. */
function observation(seconds: number): number[] {
  const bound = BUCKETS.findIndex((most) => seconds <= most);
  const bucket = bound === -1 ? BUCKETS.length : bound;
  return [...Array.from({ length: BUCKETS.length + 1 }, (_, index) => (index === bucket ? 1 : 0)), seconds];
}

/** Writes data points. Logs the first failure, and then stops writing. Never throws. */
function pointWriter(analytics: AnalyticsEngineDataset) {
  let left = MOST_POINTS;
  return (family: string, labels: readonly Label[], value: number) => {
    if (left === 0) return;
    left -= 1;
    try {
      analytics.writeDataPoint({ indexes: [family], blobs: labels.map((label) => label.value), doubles: [value] });
    } catch (error) {
      left = 0;
      writeLog("warn", { event: "analytics_failed", error: describeError(error) });
    }
  };
}
