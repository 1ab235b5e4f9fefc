/**
 * Counts inside a Durable Object. Usually, an isolate hands its counts over after a response, but the isolate of an
 * object may never answer a request.
 */
import { systemClock } from "../platform/clock.ts";
import { Hops } from "../platform/hops.ts";
import type { Meter } from "../platform/meter.ts";
import { createMetricsStore } from "./hand-over.ts";
import { createMeter } from "./meter.ts";
import type { Metrics } from "./metrics-object.ts";
import { isolateTally } from "./tally.ts";

/** The bindings and variables that counting needs. */
export interface CountingBindings {
  METRICS: DurableObjectNamespace<Metrics>;
  METRICS_TOKEN?: string;
  ANALYTICS?: AnalyticsEngineDataset;
}

/** Counts, and hands the counts over at once, because an object rarely counts. Never throws. */
export async function countInObject(env: CountingBindings, count: (meter: Meter) => void): Promise<void> {
  // An empty value counts as unset, as in the configuration.
  const isCounting = Boolean(env.METRICS_TOKEN);
  count(createMeter(isCounting ? isolateTally : undefined, env.ANALYTICS));
  if (!isCounting) return;
  const parts = { clock: systemClock, hops: new Hops(systemClock) };
  await createMetricsStore(env.METRICS, isolateTally, parts).handOverNow();
}
