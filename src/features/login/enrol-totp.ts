import * as z from "zod";
import { newTotp, newTotpSchema } from "../../accounts/new-totp.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import { factorName } from "../../factors/factor.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { enrolmentTokenField, readEnrolment } from "./enrolment.ts";

export const enrolTotp = endpoint(
  {
    id: "enrolTotp",
    method: "post",
    path: "/api/v1/auth/enrolment/totp",
    tag: "Authentication",
    summary: "Begin to set up an authenticator app at a login",
    description:
      "For a login that was answered with `second_factor_enrolment_required`. Returns the secret of a new authenticator app (TOTP, RFC 6238), which is not shown again. The app is active once a code confirms it, within an hour.",
    body: () => z.strictObject({ enrolment_token: enrolmentTokenField, name: factorName.optional() }),
    limits: [takenByHandler("changesPerUser")],
    success: {
      status: 201,
      description: "The secret, as text, as the address that authenticator apps read, and as a QR code of it.",
      schema: newTotpSchema,
    },
    refusals: ["invalid_enrolment_token", "origin_not_allowed", "rate_limited"],
  },
  async (services, { body, exchange }) => {
    const enrolling = await readEnrolment(services, body.enrolment_token, exchange);
    if (isRefusal(enrolling)) return enrolling;
    const { user } = enrolling;
    const { stored, shown } = await newTotp(services, user, body.name);
    const own = services.factors.changesBy({ userId: user.id, hasProvedFactor: false });
    // `addTotp` refuses if the user has a factor by now: the first login step alone must not add another factor.
    return (await own.addTotp(stored)) ? shown : refuse("invalid_enrolment_token", { userId: user.id });
  },
);
