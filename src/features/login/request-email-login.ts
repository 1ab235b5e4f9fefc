import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { emailsToGivenAddress, perNetwork } from "../../endpoint/limits.ts";
import { turnstileToken } from "../../limits/turnstile.ts";
import { loginCode } from "../../links/login-requests.ts";
import { allowedReturnTo, returnToField } from "../../links/return-to.ts";
import { EMAIL_LOGIN_LIFETIME } from "../../mail/requests.ts";
import { SECOND } from "../../platform/clock.ts";
import { refuse } from "../../platform/refusal.ts";
import { emailAddress } from "../../users/fields.ts";
import { rememberBrowser } from "./email-login-cookie.ts";

const acceptedSchema = z
  .strictObject({
    status: z.literal("accepted"),
    login_code: z.string().meta({
      description: "Show it. The user types it if they open the link in another browser.",
      examples: ["WDJB-MJHT"],
    }),
    expires_in: z.int().meta({ description: "How long the link and the code work, in seconds.", examples: [600] }),
  })
  .meta({ id: "EmailLogin" });

export const requestEmailLogin = endpoint(
  {
    id: "requestEmailLogin",
    method: "post",
    path: "/api/v1/auth/email-login",
    tag: "Authentication",
    summary: "Request a link to log in",
    description:
      "Exists with `EMAIL_LOGIN=on`. The answer is the same for every address. An email is sent if the address has an account and is verified. With `cookie: true`, an HttpOnly cookie recognizes this browser, so that the link needs no code in it.",
    body: () =>
      z.strictObject({
        email: emailAddress,
        cookie: z
          .boolean()
          .optional()
          .meta({ description: "Recognize this browser by a cookie when it opens the link." }),
        return_to: returnToField,
        turnstile_token: turnstileToken,
      }),
    // The origin is checked as in `login.ts`. The challenge is checked before the limits: otherwise requests without a
    // solved challenge could use up the budget of emails to another user's address.
    admit: async ({ challenge }, { body, client, exchange }) =>
      body.cookie && !exchange.hasAllowedOrigin()
        ? refuse("origin_not_allowed")
        : challenge.check(body.turnstile_token, client.ipAddress),
    limits: [emailsToGivenAddress("email_login"), perNetwork("mailPerAddress")],
    success: { status: 202, description: "An email is on its way, if one is due.", schema: acceptedSchema },
    refusals: ["origin_not_allowed", "challenge_failed", "unavailable"],
  },
  async (services, { body: { email, cookie, return_to }, exchange }) => {
    const { config, mail, secrets } = services;
    const returnTo = allowedReturnTo(return_to, config);
    const request = mail.requestOf({ kind: "email_login", email, returnTo });
    await mail.enqueue(request);
    if (cookie) rememberBrowser(services, exchange, request.id);
    return {
      status: "accepted" as const,
      login_code: loginCode(request.id, secrets),
      expires_in: EMAIL_LOGIN_LIFETIME / SECOND,
    };
  },
);
