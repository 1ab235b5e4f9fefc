import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { emailsToGivenAddress, perNetwork } from "../../endpoint/limits.ts";
import { statusSchema } from "../../http/status.ts";
import { turnstileToken } from "../../limits/turnstile.ts";
import { allowedReturnTo, returnToField } from "../../links/return-to.ts";
import { emailAddress } from "../../users/fields.ts";

export const forgotPassword = endpoint(
  {
    id: "forgotPassword",
    method: "post",
    path: "/api/v1/auth/forgot-password",
    tag: "Authentication",
    summary: "Request a link to reset the password",
    description: "The answer is the same for every address. An email is sent if the address has an account.",
    body: () => z.strictObject({ email: emailAddress, return_to: returnToField, turnstile_token: turnstileToken }),
    // Runs before the limits: otherwise requests without a solved challenge could use up another user's limit.
    admit: ({ challenge }, { body, client }) => challenge.check(body.turnstile_token, client.ipAddress),
    limits: [emailsToGivenAddress("reset_password"), perNetwork("mailPerAddress")],
    success: { status: 202, description: "An email is on its way, if one is due.", schema: statusSchema("accepted") },
    refusals: ["challenge_failed", "unavailable"],
  },
  async ({ config, mail }, { body: { email, return_to } }) => {
    const returnTo = allowedReturnTo(return_to, config);
    await mail.request({ kind: "reset_password", email, byStranger: true, returnTo });
    return { status: "accepted" };
  },
);
