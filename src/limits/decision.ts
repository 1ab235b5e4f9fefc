/** Combines the readings of all budgets of a request into one decision and the rate limit headers for the client. */
import type { LimitName, LimitRule } from "../config/limit-rules.ts";
import { SECOND } from "../platform/clock.ts";
import { type Refusal, refuse } from "../platform/refusal.ts";
import type { LimitReading } from "./gcra.ts";

export interface LimitDecision {
  /** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), for every response. */
  headers: Record<string, string>;
  /** Present if a budget is used up. */
  refusal?: Refusal<"rate_limited">;
}

/** The result of one attempt at a budget. `policy` is the budget's item in the `RateLimit-Policy` header. */
export interface Reading {
  name: LimitName;
  policy: string;
  reading: LimitReading;
}

/** A rule as an item of the `RateLimit-Policy` header: its budget, and its window in seconds. */
export function policyOf(name: LimitName, { budget, window }: LimitRule): string {
  return `"${name}";q=${budget};w=${Math.ceil(window / SECOND)}`;
}

/** The headers for the client, and a refusal if one of the budgets is used up. */
export function decide(readings: readonly Reading[]): LimitDecision {
  const seconds = (milliseconds: number) => Math.ceil(milliseconds / SECOND);
  const shown = tightest(readings);
  const policies = shown.map(({ policy }) => policy);
  const states = shown.map(
    ({ name, reading }) => `"${name}";r=${reading.remaining};t=${seconds(reading.retryAfter || reading.resetAfter)}`,
  );
  const headers = { "RateLimit-Policy": policies.join(", "), RateLimit: states.join(", ") };
  if (readings.every(({ reading }) => reading.allowed)) return { headers };
  const wait = Math.max(...readings.map(({ reading }) => reading.retryAfter));
  const retryAfter = String(Math.max(1, seconds(wait)));
  return { headers, refusal: refuse("rate_limited", { headers: { ...headers, "Retry-After": retryAfter } }) };
}

/** One reading for each rule: the reading of the rule's strictest budget. */
function tightest(readings: readonly Reading[]): Reading[] {
  const byName = new Map<LimitName, Reading>();
  for (const taken of readings) {
    const other = byName.get(taken.name)?.reading;
    const isTighter = other === undefined || taken.reading.retryAfter > other.retryAfter;
    if (isTighter || taken.reading.remaining < other.remaining) byName.set(taken.name, taken);
  }
  return [...byName.values()];
}
