/**
 * Limits as the use cases see them: name the rules and keys of a request, ask all of them in one hop.
 * The answer also says what a client is told in its headers.
 */
import { type Refusal, refuse } from "../http/problems.ts";
import { SECOND } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";
import type { Hops } from "../platform/hops.ts";
import { describeError, writeLog } from "../platform/log.ts";
import type { LimitReading, RateLimiter } from "./rate-limiter.ts";
import { LIMIT_RULES, type LimitName } from "./rules.ts";

/** Which budget of which rule: the key may be personal data, it leaves here only as a MAC. */
export interface Limit {
  rule: LimitName;
  key: string;
}

/** The budget of mails of one kind to one address. */
export function mailLimit(kind: string, email: string): Limit {
  return { rule: "mailPerRecipient", key: `${kind} ${email}` };
}

export interface LimitDecision {
  /** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), for every answer. */
  headers: Record<string, string>;
  /** Present where a budget is used up. */
  refusal?: Refusal<"rate_limited">;
}

export interface Limiter {
  /** Takes one attempt from each budget, all at once. */
  take(limits: Limit[]): Promise<LimitDecision>;
  /** Gives the attempts back. One that can't be is logged: nobody is refused for that. */
  giveBack(limits: Limit[]): Promise<void>;
}

/** A limiter that counts nothing (`RATE_LIMITING=off`). */
export const unlimited: Limiter = {
  take: async () => ({ headers: {} }),
  giveBack: async () => {},
};

export function createLimiter(objects: DurableObjectNamespace<RateLimiter>, secrets: Secrets, hops: Hops): Limiter {
  const objectOf = ({ rule, key }: Limit) =>
    objects.getByName(`${rule}:${encodeBase64url(secrets.sign("limited-key", utf8(`${rule}:${key}`)))}`);

  return {
    async take(limits) {
      const readings = await Promise.all(
        limits.map(async (limit) => ({
          limit,
          reading: await hops.hop("limiter", () => objectOf(limit).take(LIMIT_RULES[limit.rule])),
        })),
      );
      const headers = limitHeaders(readings);
      const wait = Math.max(...readings.map(({ reading }) => reading.retryAfter));
      const allowed = readings.filter(({ reading }) => reading.allowed).map(({ limit }) => limit);
      if (allowed.length === readings.length) return { headers };
      // What is refused costs nobody anything: else one address could use up a stranger's budget for free.
      await this.giveBack(allowed);
      const retryAfter = String(Math.max(1, Math.ceil(wait / SECOND)));
      return { headers, refusal: refuse("rate_limited", { headers: { ...headers, "Retry-After": retryAfter } }) };
    },
    async giveBack(limits) {
      await Promise.all(
        limits.map(async (limit) => {
          try {
            await hops.hop("limiter", () => objectOf(limit).giveBack(LIMIT_RULES[limit.rule]));
          } catch (error) {
            writeLog("error", { event: "attempt_not_given_back", error: describeError(error) });
          }
        }),
      );
    },
  };
}

function limitHeaders(readings: { limit: Limit; reading: LimitReading }[]): Record<string, string> {
  const seconds = (milliseconds: number) => Math.ceil(milliseconds / SECOND);
  const policies = readings.map(({ limit }) => {
    const rule = LIMIT_RULES[limit.rule];
    return `"${limit.rule}";q=${rule.budget};w=${seconds(rule.window)}`;
  });
  const states = readings.map(
    ({ limit, reading }) =>
      `"${limit.rule}";r=${reading.remaining};t=${seconds(reading.retryAfter || reading.resetAfter)}`,
  );
  return { "RateLimit-Policy": policies.join(", "), RateLimit: states.join(", ") };
}
