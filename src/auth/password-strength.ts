/** The judgement of a password before it is set, for a form that asks while somebody types. Keeps nothing of it. */
import type * as z from "zod";
import { isRefusal } from "../http/problems.ts";
import type { Services } from "../services.ts";
import type { passwordStrengthBody } from "./schemas.ts";

export async function judgePassword(services: Services, body: z.output<ReturnType<typeof passwordStrengthBody>>) {
  const { password, email, username } = body;
  const judgement = await services.passwordQuality.judge(password, { email, username });
  if (isRefusal(judgement)) return judgement;
  const errors = judgement.faults.map((fault) => ({ field: "password" as const, ...fault }));
  const unknown = judgement.breachesUnknown ? ({ breach_check: "unavailable" } as const) : {};
  return { acceptable: errors.length === 0, errors, ...unknown };
}
