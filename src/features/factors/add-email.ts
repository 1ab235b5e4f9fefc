import * as z from "zod";
import { mustHaveFactor } from "../../access/factor-policy.ts";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { newRecoveryCodes, recoveryCodesSchema } from "../../accounts/recovery-codes.ts";
import { recentUser, refuseUnprovedFactor } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { factorName, factorSchema, presentFactor } from "../../factors/factor.ts";
import { hasPassword } from "../../passwords/passwords.ts";
import { createId } from "../../platform/random.ts";
import { refuse } from "../../platform/refusal.ts";
import { ownFactors } from "./own-factors.ts";

export const addEmail = endpoint(
  {
    id: "addEmailFactor",
    method: "post",
    path: "/api/v1/users/me/factors/email",
    tag: "Second factors",
    summary: "Turn on codes by email",
    description:
      "Exists with `EMAIL_CODES=on`. From now on, a login with the password also needs a code from an email. The answer is 409 `email_factor_not_allowed` for a user who has a second factor, must have one (`SECOND_FACTOR`), or has no password. An authenticator app or a passkey that is added later replaces it. The owner gets an email.",
    caller: recentUser,
    body: () => z.strictObject({ name: factorName.optional() }),
    bodyOptional: true,
    success: {
      status: 201,
      description: "The factor, and the recovery codes.",
      schema: factorSchema.extend({ recovery_codes: recoveryCodesSchema }).meta({ id: "NewEmailFactor" }),
    },
    refusals: ["email_factor_not_allowed", "reauthentication_required"],
  },
  async (services, { body, caller }) => {
    const { clock, config, random } = services;
    const { user } = caller;
    // A user without a password logs in with an emailed link. A code that is sent to the same mailbox proves nothing
    // more, so it can't be their second factor.
    if (mustHaveFactor(config, user) || !hasPassword(user)) return refuse("email_factor_not_allowed");
    const { codes, macs } = newRecoveryCodes(await factorKeyOf(services, user), random);
    const factor = { id: createId(clock.now(), random), name: body.name ?? "Email" };
    const added = await ownFactors(services, caller).addEmail(factor, macs);
    if (added === null) return refuseUnprovedFactor(caller);
    if (added === undefined) return refuse("email_factor_not_allowed");
    return { ...presentFactor(added), recovery_codes: codes };
  },
);
