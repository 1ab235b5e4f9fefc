import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import { isEmailAlone } from "../../factors/factor.ts";
import { openPendingLogin } from "../../factors/pending-login.ts";
import { statusSchema } from "../../http/status.ts";
import { refuse } from "../../platform/refusal.ts";
import { mayFollow } from "./first-step.ts";
import { pendingTokenField } from "./login-schema.ts";

export const emailSecondFactorCode = endpoint(
  {
    id: "emailSecondFactorCode",
    method: "post",
    path: "/api/v1/auth/second-factor/email",
    tag: "Authentication",
    summary: "Email a code for the second factor",
    description:
      "For a login whose `factors` have `email`. Otherwise the answer is the same, and no email is sent. The code has eight digits. It works once, for this login only, and until the `pending_token` expires. A repeated request sends the same code.",
    body: () => z.strictObject({ pending_token: pendingTokenField }),
    // No limit per network: the password was right, and all users in an office may log in from one IP address.
    limits: [takenByHandler("emailCodesPerUser")],
    success: { status: 202, description: "An email is on its way, if one is due.", schema: statusSchema("accepted") },
    refusals: ["invalid_pending_token", "origin_not_allowed", "rate_limited"],
  },
  async (services, { body, exchange }) => {
    const { factors, limiter, mail } = services;
    const pending = await openPendingLogin(body.pending_token, services);
    if (pending === undefined) return refuse("invalid_pending_token");
    if (pending.cookie && !exchange.hasAllowedOrigin()) return refuse("origin_not_allowed");
    const answer = { status: "accepted" } as const;
    if (!mayFollow(pending, "email")) return answer;
    const { epoch, expiresAt, id: loginId, userId } = pending;
    const [limit, { items }] = await Promise.all([
      limiter.take([{ rule: "emailCodesPerUser", key: userId }]),
      factors.list(userId),
    ]);
    if (limit.refusal !== undefined) return limit.refusal;
    exchange.addHeaders(limit.headers);
    if (isEmailAlone(items)) {
      await mail.request({ kind: "second_factor_code", userId, loginId, epoch, expiresAt });
    }
    return answer;
  },
);
