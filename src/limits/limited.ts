import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { type ErrorCode, isRefusal, type Refusal } from "../http/problems.ts";
import type { Limit } from "./limiter.ts";

/** Runs `work` if every limit allows one more attempt, and adds the rate limit headers to the response. */
export async function limited<Result extends object, Code extends ErrorCode>(
  c: Context<AppEnv>,
  limits: Limit[],
  work: () => Promise<Result | Refusal<Code>>,
): Promise<Result | Refusal<Code> | Refusal<"rate_limited">> {
  const { limiter } = c.get("services");
  const { headers, refusal } = await limiter.take(limits);
  if (refusal !== undefined) return refusal;
  tell(c, headers);
  const outcome = await work();
  // The attempt was not judged, so it is refunded.
  if (isRefusal(outcome) && (outcome.refused === "busy" || outcome.refused === "unavailable"))
    await limiter.giveBack(limits);
  return outcome;
}

/** Sets the headers of a limit decision on the response. */
export function tell(c: Context<AppEnv>, headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
}
