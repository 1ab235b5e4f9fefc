/** Runs one call over RPC: writes its log line, and reveals nothing about failures. */
import * as z from "zod";
import type { Services } from "../../endpoint/services.ts";
import { describeError, writeLog } from "../../platform/log.ts";
import { inLogContext } from "../../platform/log-context.ts";
import { continueTrace } from "../../platform/trace.ts";

export type Method = "verify" | "user" | "jwks";

const callContext = z.object({ traceparent: z.string() });

/**
 * Runs a call by another Worker. `context` describes that Worker's own request. The call continues the request's trace.
 *
 * @throws {Error} with the message `unavailable` if `work` fails
 */
export function runCall<Answer>(
  method: Method,
  services: Services,
  work: (services: Services) => Promise<Answer>,
  context?: unknown,
): Promise<Answer> {
  const { data } = callContext.safeParse(context);
  const trace = continueTrace(data?.traceparent, services.random);
  return inLogContext({ trace }, () => runLogged(method, services, work));
}

async function runLogged<Answer>(
  method: Method,
  services: Services,
  work: (services: Services) => Promise<Answer>,
): Promise<Answer> {
  const { clock, hops, meter } = services;
  const startedAt = clock.now();
  try {
    const answer = await work(services);
    meter.count("rpc_calls", { method, result: "ok" });
    return answer;
  } catch (error) {
    meter.count("rpc_calls", { method, result: "failed" });
    writeLog("error", { event: "failure", method, error: describeError(error) });
    // The calling Worker logs what is thrown, and the original error may hold parameters of a query.
    throw new Error("unavailable");
  } finally {
    writeLog("info", {
      event: "rpc",
      method,
      duration_ms: clock.now() - startedAt,
      hops: hops.sequential,
      storage_calls: hops.made.length,
    });
  }
}
