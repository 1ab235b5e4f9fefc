import * as z from "zod";
import { endpoint } from "../../endpoint/endpoint.ts";
import { emailsToGivenAddress, perNetwork } from "../../endpoint/limits.ts";
import { statusSchema } from "../../http/status.ts";
import { allowedReturnTo, returnToField } from "../../links/return-to.ts";
import { emailAddress } from "../../users/fields.ts";

export const resendVerification = endpoint(
  {
    id: "resendVerification",
    method: "post",
    path: "/api/v1/auth/resend-verification",
    tag: "Authentication",
    summary: "Request another verification link",
    description: "The answer is the same for every address. An email is sent if the address is waiting to be verified.",
    body: () => z.strictObject({ email: emailAddress, return_to: returnToField }),
    limits: [emailsToGivenAddress("resend_verification"), perNetwork("mailPerAddress")],
    success: { status: 202, description: "An email is on its way, if one is due.", schema: statusSchema("accepted") },
  },
  async ({ config, mail }, { body: { email, return_to } }) => {
    await mail.request({ kind: "resend_verification", email, returnTo: allowedReturnTo(return_to, config) });
    return { status: "accepted" };
  },
);
