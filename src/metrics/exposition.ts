/**
 * Writes the two text formats that Prometheus reads: its own format (version 0.0.4) and OpenMetrics 1.0. These differ
 * in the names of counter families, in the type of the build information, and in the last line.
 */
import { type Counts, type Label, labelText, seriesKey } from "./counts.ts";
import { BUCKETS, COUNTERS, HISTOGRAMS, knownSeries, PREFIX } from "./families.ts";

export type Format = "prometheus" | "openmetrics";

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/**
 * A value that is read at the time of a scrape. With the type `info`, the value is 1 and the labels are the
 * information.
 */
export interface Gauge {
  name: string;
  help: string;
  type?: "info";
  samples: readonly { labels: readonly Label[]; value: number }[];
}

export function writeMetrics(format: Format, counts: Counts, gauges: readonly Gauge[]): string {
  const isOpen = format === "openmetrics";
  const lines = [
    ...Object.entries(COUNTERS).flatMap(([name, { help, labels }]) => {
      const zeros = Object.fromEntries(knownSeries({ labels }).map((series) => [seriesKey(name, series), [0]]));
      const samples = seriesOf(name, { ...zeros, ...counts }).map(({ labels, numbers }) =>
        sample(`${name}_total`, labels, numbers[0] ?? 0),
      );
      return family(isOpen ? name : `${name}_total`, "counter", help, samples);
    }),
    ...Object.entries(HISTOGRAMS).flatMap(([name, { help }]) =>
      family(
        name,
        "histogram",
        help,
        seriesOf(name, counts).flatMap((series) => histogram(name, series)),
      ),
    ),
    ...gauges.flatMap(({ name, help, type, samples }) => {
      const written = samples.map(({ labels, value }) =>
        sample(type === "info" ? `${name}_info` : name, labelText(labels), value),
      );
      if (type === "info") return family(isOpen ? name : `${name}_info`, isOpen ? "info" : "gauge", help, written);
      return family(name, "gauge", help, written);
    }),
  ];
  return `${lines.join("\n")}\n${isOpen ? "# EOF\n" : ""}`;
}

interface Series {
  labels: string;
  numbers: readonly number[];
}

function seriesOf(name: string, counts: Counts): Series[] {
  const start = `${name}{`;
  return Object.entries(counts)
    .filter(([key]) => key.startsWith(start))
    .map(([key, numbers]) => ({ labels: key.slice(start.length, -1), numbers }));
}

/** A family without samples is left out. */
function family(name: string, type: string, help: string, samples: readonly string[]): string[] {
  if (samples.length === 0) return [];
  return [`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`, ...samples];
}

function sample(name: string, labels: string, value: number): string {
  return `${PREFIX}${name}${labels === "" ? "" : `{${labels}}`} ${value}`;
}

/** The samples of a histogram. Each bucket includes the smaller buckets, so the last bucket equals the count. */
function histogram(name: string, { labels, numbers }: Series): string[] {
  const bounds = [...BUCKETS.map((bound) => (Number.isInteger(bound) ? `${bound}.0` : String(bound))), "+Inf"];
  let total = 0;
  const buckets = bounds.map((bound, index) => {
    total += numbers[index] ?? 0;
    return sample(`${name}_bucket`, `${labels},le="${bound}"`, total);
  });
  return [
    ...buckets,
    sample(`${name}_sum`, labels, numbers[bounds.length] ?? 0),
    sample(`${name}_count`, labels, total),
  ];
}
