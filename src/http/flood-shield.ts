import { createMiddleware } from "hono/factory";
import { describeError, writeLog } from "../platform/log.ts";
import { refuse } from "../platform/refusal.ts";
import type { AppEnv } from "./app-env.ts";
import { clientNetwork } from "./client-address.ts";
import { answerProblem } from "./problem-response.ts";

/** The period of the binding `FLOOD_SHIELD` in `wrangler.toml`, in seconds. */
export const FLOOD_PERIOD = 10;

/**
 * Cloudflare's own rate limiting, which runs before any storage call. It is approximate, counts per location and costs
 * almost nothing. Postern's exact limits apply afterwards, so requests pass if the shield is missing or fails.
 */
export const floodShield = createMiddleware<AppEnv>(async (c, next) => {
  if (await isFlooding(c.env.FLOOD_SHIELD, clientNetwork(c))) {
    c.get("meter").count("limits_hit", { limit: "floodShield" });
    return answerProblem(c, refuse("rate_limited", { headers: { "Retry-After": String(FLOOD_PERIOD) } }));
  }
  return next();
});

async function isFlooding(shield: RateLimit | undefined, network: string): Promise<boolean> {
  if (shield === undefined) return false;
  try {
    const { success } = await shield.limit({ key: network });
    return !success;
  } catch (error) {
    writeLog("warn", { event: "flood_shield_failed", error: describeError(error) });
    return false;
  }
}
