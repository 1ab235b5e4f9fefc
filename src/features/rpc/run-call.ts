/** Runs one call over RPC: writes its log line, and reveals nothing about failures. */
import type { Services } from "../../endpoint/services.ts";
import { describeError, writeLog } from "../../platform/log.ts";

type Method = "verify" | "user" | "jwks";

/** @throws {Error} with the message `unavailable` if `work` fails */
export async function runCall<Answer>(
  method: Method,
  services: Services,
  work: (services: Services) => Promise<Answer>,
): Promise<Answer> {
  const { clock, hops } = services;
  const startedAt = clock.now();
  try {
    return await work(services);
  } catch (error) {
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
