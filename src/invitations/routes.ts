/** Invitations: `/api/v1/invitations` for operators, and the route that a mailed link leads to. Owns HTTP alone. */
import { forOperator } from "../access/require-user.ts";
import { refuseInvitation } from "../auth/registration-policy.ts";
import type { Config } from "../config.ts";
import { clientNetwork } from "../http/client-address.ts";
import { type App, addOperationWithBody } from "../http/operation.ts";
import { isRefusal } from "../http/problems.ts";
import { limited } from "../limits/limited.ts";
import { type Limit, mailLimit } from "../limits/limiter.ts";
import { chooseLocale } from "../mail/languages.ts";
import { toIsoTime } from "../platform/clock.ts";
import { acceptInvitation } from "./accept.ts";
import { invite } from "./invite.ts";
import { acceptInvitationOperation, inviteOperation } from "./operations.ts";

export function addInvitationRoutes(app: App, config: Config): void {
  addOperationWithBody(app, config, inviteOperation, (c, body) =>
    forOperator(c, "invite_users", async ({ user }) => {
      const closed = refuseInvitation(config);
      if (closed !== undefined) return closed;
      const limits: Limit[] = [mailLimit("invitation", body.email), { rule: "invitationsPerUser", key: user.id }];
      const outcome = await limited(c, limits, () => invite(c.get("services"), user, body));
      if (isRefusal(outcome)) return outcome;
      return c.json({ status: "accepted", expires_at: toIsoTime(outcome.expiresAt) }, 202);
    }),
  );

  addOperationWithBody(app, config, acceptInvitationOperation, async (c, body) => {
    const network = clientNetwork(c);
    const limits: Limit[] = [{ rule: "linkAttemptsPerAddress", key: network }];
    const locale = chooseLocale(c.req.header("Accept-Language"));
    const outcome = await limited(c, limits, () => acceptInvitation(c.get("services"), body, { locale, network }));
    if (isRefusal(outcome)) return outcome;
    c.set("userId", outcome.userId);
    return c.json({ status: "verified" }, 200);
  });
}
