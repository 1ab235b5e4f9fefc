/** A service with metrics, and what Prometheus reads from it. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createApp } from "../../src/app.ts";
import type { Bindings } from "../../src/bindings.ts";
import { parseConfig } from "../../src/config/config.ts";
import { type Call, get, type Send } from "./client.ts";

export const METRICS_TOKEN = "a-token-for-the-tests-of-metrics-that-is-long-enough";

/**
 * The app with metrics. An isolate hands its counts over after the response. This app doesn't wait for that, because a
 * scrape in the same isolate includes counts that are not handed over yet.
 */
export function countingApp(values: Record<string, string> = {}, bindings: Partial<Bindings> = {}): Send {
  const app = createApp(parseConfig({ ...env, METRICS_TOKEN, ...values }));
  return async (request) => app.fetch(request, { ...env, ...bindings }, createExecutionContext());
}

/** What a scrape with the right token answers. */
export const scrape = (send: Send, options: Call = {}) => get("/metrics", { bearer: METRICS_TOKEN, ...options }, send);

/** The value of each sample, by its name and labels. */
export async function samples(send: Send): Promise<Map<string, number>> {
  return samplesIn((await scrape(send)).text);
}

export function samplesIn(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** How much each of these samples grew while `work` ran. */
export async function growth(send: Send, names: readonly string[], work: () => Promise<unknown>): Promise<number[]> {
  const before = await samples(send);
  await work();
  const after = await samples(send);
  return names.map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0));
}
