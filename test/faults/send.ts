/** Sends requests to an isolate in which one call goes wrong. */
import { env } from "cloudflare:workers";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config/config.ts";
import { isolateTally } from "../../src/metrics/tally.ts";
import { type Call, call } from "../support/client.ts";
import { Calls, type Plan, surrounded } from "../support/faults.ts";
import { METRICS_TOKEN } from "../support/metrics.ts";

declare module "vitest" {
  interface ProvidedContext {
    /**
     * `runs`: how many sequences of requests model.test.ts sends. `seed`: what they are made from. `isThorough`: every
     * fault is tried at every call (vitest.config.ts).
     */
    faults: { runs: number; seed: number; isThorough: boolean };
  }
}

/** Turns on every option that makes calls: Turnstile, the list of breaches, metrics. */
export const VALUES = {
  TURNSTILE_SECRET_KEY: "1x0000000000000000000000000000000AA",
  BREACHED_PASSWORD_CHECK: "required",
  METRICS_TOKEN,
  SECURITY_CONTACT: "mailto:security@example.com",
};

class NoAnswer extends Error {}

export interface FaultyRequest extends Call {
  method: string;
  path: string;
  /** Whether the isolate has just started: it knows neither the keys nor the list of common passwords. */
  isCold?: boolean;
  isUnlimited?: boolean;
}

const newApp = (values = {}) => createApp(parseConfig({ ...env, ...VALUES, ...values }));
let warmApp: ReturnType<typeof newApp> | undefined;
let unlimitedApp: ReturnType<typeof newApp> | undefined;

function appFor({ isCold, isUnlimited }: FaultyRequest) {
  if (isCold) return newApp();
  if (isUnlimited) {
    unlimitedApp ??= newApp({ RATE_LIMITING: "off" });
    return unlimitedApp;
  }
  warmApp ??= newApp();
  return warmApp;
}

/**
 * Sends a request whose calls follow the plan. `answer` is `undefined` if the isolate was lost before it answered, or
 * if the answer was broken off.
 */
export async function sendWithFault(request: FaultyRequest, plan?: Plan) {
  const { method, path, ...options } = request;
  const calls = new Calls(plan);
  // As if another request already waited to hand the metrics over, and few requests had been counted. So this request
  // does not hand them over.
  isolateTally.waitsSince = Number.POSITIVE_INFINITY;
  isolateTally.requests = 0;
  const send = () =>
    call(method, path, options, async (sent) => {
      const app = appFor(request);
      const later: Promise<unknown>[] = [];
      const context = {
        waitUntil: (work: Promise<unknown>) => void later.push(work),
        passThroughOnException() {},
      } as unknown as ExecutionContext;
      let response: Response | undefined;
      const whole = async () => {
        const begun = await app.fetch(sent, calls.bindings, context);
        const copy = begun.clone();
        // Reading a streamed body makes calls to storage, too.
        const isWhole = await copy.text().then(
          () => true,
          () => false,
        );
        // From here on the client has its answer, even if the isolate is lost during the work that is left.
        if (isWhole) response = begun;
        await Promise.all(later);
      };
      await calls.wait(whole());
      if (response === undefined) throw new NoAnswer();
      return response;
    }).catch((error) => {
      if (error instanceof NoAnswer) return undefined;
      throw error;
    });
  try {
    const answer = await surrounded(calls, async ({ url }) => answerElsewhere(url), send);
    return { answer, calls };
  } finally {
    isolateTally.waitsSince = undefined;
  }
}

/** Answers as Turnstile, which accepts every token, or as the list of breaches, which has no match. */
function answerElsewhere(url: string): Response {
  return url.includes("turnstile") ? Response.json({ success: true }) : new Response(`${"A".repeat(35)}:3`);
}
