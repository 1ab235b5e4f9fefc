import * as z from "zod";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { newRecoveryCodes } from "../../accounts/recovery-codes.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import { typedCode } from "../../factors/factor.ts";
import { isRefusal } from "../../platform/refusal.ts";
import { enrolledSchema, enrolmentTokenField, finishEnrolment, readEnrolment } from "./enrolment.ts";

export const confirmEnrolledTotp = endpoint(
  {
    id: "confirmEnrolledTotp",
    method: "post",
    path: "/api/v1/auth/enrolment/totp/confirm",
    tag: "Authentication",
    summary: "Log in with a new authenticator app",
    description:
      "With the app's current code, which counts as used. Activates the app, and finishes the login. The answer has the recovery codes. The owner gets an email.",
    body: () => z.strictObject({ enrolment_token: enrolmentTokenField, code: typedCode }),
    limits: [takenByHandler("changesPerUser"), takenByHandler("secondFactorPerUser"), takenByHandler("loginsPerUser")],
    outcomes: "logins",
    success: { status: 200, description: "A new session, and the recovery codes.", schema: enrolledSchema },
    refusals: [
      "invalid_enrolment_token",
      "invalid_factor",
      "invalid_credentials",
      "origin_not_allowed",
      "rate_limited",
    ],
  },
  async (services, { body, client, exchange }) => {
    const enrolling = await readEnrolment(services, body.enrolment_token, exchange);
    if (isRefusal(enrolling)) return enrolling;
    const key = await factorKeyOf(services, enrolling.user);
    const { codes, macs } = newRecoveryCodes(key, services.random);
    const proof = { kind: "new_totp", code: body.code, key, macs } as const;
    return finishEnrolment<"invalid_factor">(
      services,
      enrolling,
      { proof, codes, code: "invalid_factor" },
      { client, exchange },
    );
  },
);
