import * as z from "zod";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { newPasskeyShape, readNewPasskey } from "../../accounts/new-passkey.ts";
import { newRecoveryCodes } from "../../accounts/recovery-codes.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import { isRefusal } from "../../platform/refusal.ts";
import { enrolledSchema, enrolmentTokenField, finishEnrolment, readEnrolment } from "./enrolment.ts";

export const enrolPasskey = endpoint(
  {
    id: "enrolPasskey",
    method: "post",
    path: "/api/v1/auth/enrolment/passkey",
    tag: "Authentication",
    summary: "Log in with a new passkey",
    description:
      "`credential` is what `navigator.credentials.create()` returned, as JSON. Adds the passkey, and finishes the login. The answer has the recovery codes. The owner gets an email.",
    body: () => z.strictObject({ enrolment_token: enrolmentTokenField, ...newPasskeyShape }),
    limits: [takenByHandler("changesPerUser"), takenByHandler("loginsPerUser")],
    outcomes: "logins",
    success: { status: 200, description: "A new session, and the recovery codes.", schema: enrolledSchema },
    refusals: [
      "invalid_enrolment_token",
      "invalid_passkey",
      "invalid_credentials",
      "origin_not_allowed",
      "rate_limited",
    ],
  },
  async (services, { body, client, exchange }) => {
    const enrolling = await readEnrolment(services, body.enrolment_token, exchange);
    if (isRefusal(enrolling)) return enrolling;
    const { user } = enrolling;
    const read = await readNewPasskey(services, body, user.id, client.userAgent);
    if (isRefusal(read)) return read;
    const { codes, macs } = newRecoveryCodes(await factorKeyOf(services, user), services.random);
    const proof = { kind: "new_passkey", ...read, macs } as const;
    return finishEnrolment<"invalid_passkey">(
      services,
      enrolling,
      { proof, codes, code: "invalid_passkey" },
      { client, exchange },
    );
  },
);
