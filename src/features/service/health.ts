import * as z from "zod";
import { pingDatabase } from "../../db/client.ts";
import { endpoint, Reply } from "../../endpoint/endpoint.ts";
import { describeError, writeLog } from "../../platform/log.ts";
import { VERSION } from "../../version.ts";

const checkSchema = z.enum(["ok", "failed"]);

const healthSchema = z
  .strictObject({
    status: checkSchema,
    version: z.string(),
    checks: z.strictObject({ database: checkSchema, sessions: checkSchema, kv: checkSchema }),
  })
  .meta({ id: "Health" });

export const readHealth = endpoint(
  {
    id: "readHealth",
    method: "get",
    path: "/health",
    tag: "Service",
    summary: "Check the service's health",
    description: "Asks the database, a session object and KV. 503 if one of them does not answer.",
    success: { status: 200, description: "Everything answers.", schema: healthSchema },
    alternatives: [
      { status: 503, description: "Some parts do not answer: `checks` says which.", schema: healthSchema },
    ],
  },
  async ({ db, revocations, sessions }) => {
    const [database, sessionObjects, kv] = await Promise.all([
      answers(pingDatabase(db)),
      answers(sessions.epochOf("health", "health")),
      answers(revocations.ping()),
    ]);
    const isHealthy = database && sessionObjects && kv;
    const check = (ok: boolean) => (ok ? "ok" : "failed");
    const health = {
      status: check(isHealthy),
      version: VERSION,
      checks: { database: check(database), sessions: check(sessionObjects), kv: check(kv) },
    } as const;
    return isHealthy ? health : new Reply(health, { "Retry-After": "5" }, 503);
  },
);

async function answers(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    writeLog("error", { event: "health_check_failed", error: describeError(error) });
    return false;
  }
}
