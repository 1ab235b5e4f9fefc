import * as z from "zod";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { newRecoveryCodes, recoveryCodesSchema } from "../../accounts/recovery-codes.ts";
import { recentUser, refuseUnprovedFactor } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { takenByHandler } from "../../endpoint/limits.ts";
import { typedCode } from "../../factors/factor.ts";
import { refuseProof } from "../../factors/refuse-proof.ts";
import { ownFactors } from "./own-factors.ts";

export const confirmTotp = endpoint(
  {
    id: "confirmTotp",
    method: "post",
    path: "/api/v1/users/me/factors/totp/confirm",
    tag: "Second factors",
    summary: "Confirm an authenticator app",
    description:
      "With the app's current code, which counts as used. From now on, a login asks for a second factor. The first factor comes with recovery codes. The owner gets an email.",
    caller: recentUser,
    body: () => z.strictObject({ code: typedCode }),
    limits: [takenByHandler("secondFactorPerUser")],
    success: {
      status: 200,
      description: "The app is active. The recovery codes are those of the first factor, otherwise `null`.",
      schema: z.strictObject({ recovery_codes: recoveryCodesSchema.nullable() }).meta({ id: "ConfirmedTotp" }),
    },
    refusals: ["invalid_factor", "rate_limited", "reauthentication_required"],
  },
  async (services, { body, caller }) => {
    const { audit, meter, random } = services;
    const userId = caller.user.id;
    const key = await factorKeyOf(services, caller.user);
    const { codes, macs } = newRecoveryCodes(key, random);
    const proof = { kind: "totp", code: body.code, key } as const;
    const confirmation = await ownFactors(services, caller).confirmTotp(proof, macs);
    if (confirmation === null) return refuseUnprovedFactor(caller);
    if (confirmation.outcome !== "confirmed") {
      if (confirmation.outcome === "invalid") audit.note("second_factor_failed", { actorId: userId, userId });
      return refuseProof(confirmation, "invalid_factor", meter, userId);
    }
    return { recovery_codes: confirmation.isFirst ? codes : null };
  },
);
