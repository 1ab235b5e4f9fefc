/** One call over RPC: its services, one line in the log, and no surprise that tells the caller more than that. */
import type { Bindings } from "../bindings.ts";
import type { Config } from "../config.ts";
import { describeError, writeLog } from "../platform/log.ts";
import { createServices, type Services } from "../services.ts";

type Method = "verify" | "user" | "jwks";

/**
 * Runs a call for another Worker.
 *
 * @throws {Error} that says nothing but `unavailable`, where a part that the answer needs fails
 */
export async function answerCall<Answer>(
  method: Method,
  bindings: Bindings,
  config: Config,
  work: (services: Services) => Promise<Answer>,
): Promise<Answer> {
  const services = createServices(bindings, config);
  const { audit, clock, hops } = services;
  const startedAt = clock.now();
  try {
    return await work(services);
  } catch (error) {
    writeLog("error", { event: "failure", method, error: describeError(error) });
    // A caller logs what is thrown: of ours there may be parameters of a query in it.
    throw new Error("unavailable");
  } finally {
    await audit.send({ ipAddress: null, userAgent: null, requestId: null });
    writeLog("info", {
      event: "rpc",
      method,
      duration_ms: clock.now() - startedAt,
      hops: hops.sequential,
      storage_calls: hops.made.length,
    });
  }
}
