/** Monitoring for Prometheus. The route exists only if `METRICS_TOKEN` is set. */
import { endpoint } from "../../endpoint/endpoint.ts";
import { CONTENT_TYPES, type Format, type Gauge, writeMetrics } from "../../metrics/exposition.ts";
import { constantTimeEqual, sha256 } from "../../platform/crypto.ts";
import { utf8 } from "../../platform/encoding.ts";
import { refuse } from "../../platform/refusal.ts";
import { readGauges, single } from "./gauges.ts";

export const readMetrics = endpoint(
  {
    id: "readMetrics",
    method: "get",
    path: "/metrics",
    tag: "Service",
    summary: "Read the metrics",
    success: { status: 200, description: "All metrics, as text.", contentType: "text/plain" },
    refusals: ["unauthorized", "not_found"],
  },
  async (services, { exchange }) => {
    const { config, metrics } = services;
    const { token } = config.metrics;
    if (token === undefined) return refuse("not_found");
    if (!isSame(exchange.bearerToken() ?? "", token)) return refuse("unauthorized");
    const [{ counts, waiting }, gauges] = await Promise.all([metrics.read(), readGauges(services)]);
    const format = preferredFormat(exchange.header("Accept") ?? "");
    const text = writeMetrics(format, counts, [...gauges, waitingGauge(waiting)]);
    return new Response(text, {
      headers: { "Content-Type": CONTENT_TYPES[format], "Cache-Control": "no-store", Vary: "Accept" },
    });
  },
);

function waitingGauge(passwords: number): Gauge {
  const help = "The most passwords that waited at once for hashing in one isolate, in the last minute.";
  return single("hash_lane_waiting", help, passwords);
}

/** Compares digests, because all digests have the same length. So the time depends on neither text. */
function isSame(sent: string, token: string): boolean {
  return constantTimeEqual(sha256(utf8(sent)), sha256(utf8(token)));
}

/** OpenMetrics only for a client that names it and prefers it at least as much as plain text (RFC 9110 §12.5.1). */
function preferredFormat(accept: string): Format {
  const ranges = accept.split(",").map((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const quality = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    return { type, quality };
  });
  const best = (name: string) =>
    Math.max(0, ...ranges.filter(({ type }) => type === name).map(({ quality }) => quality || 0));
  const open = best("application/openmetrics-text");
  return open > 0 && open >= best("text/plain") ? "openmetrics" : "prometheus";
}
