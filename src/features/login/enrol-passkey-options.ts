import * as z from "zod";
import { optionsForPasskey, passkeyCreationOptions } from "../../accounts/new-passkey.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import { isRefusal } from "../../platform/refusal.ts";
import { enrolmentTokenField, readEnrolment } from "./enrolment.ts";

export const readEnrolmentPasskeyOptions = endpoint(
  {
    id: "readEnrolmentPasskeyOptions",
    method: "post",
    path: "/api/v1/auth/enrolment/passkey/options",
    tag: "Authentication",
    summary: "Begin to set up a passkey at a login",
    description:
      "For a login that was answered with `second_factor_enrolment_required`: what a page passes to `navigator.credentials.create()`, by `PublicKeyCredential.parseCreationOptionsFromJSON()`. The challenge can be used for one passkey, within five minutes.",
    body: () => z.strictObject({ enrolment_token: enrolmentTokenField }),
    limits: [takenByHandler("changesPerUser")],
    success: {
      status: 200,
      description: "`PublicKeyCredentialCreationOptionsJSON` (WebAuthn §5.1.8).",
      schema: passkeyCreationOptions,
    },
    refusals: ["invalid_enrolment_token", "origin_not_allowed", "rate_limited"],
  },
  async (services, { body, exchange }) => {
    const enrolling = await readEnrolment(services, body.enrolment_token, exchange);
    return isRefusal(enrolling) ? enrolling : optionsForPasskey(services, enrolling.user);
  },
);
