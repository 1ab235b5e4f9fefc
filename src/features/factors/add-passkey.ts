import * as z from "zod";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { newPasskeyShape, readNewPasskey } from "../../accounts/new-passkey.ts";
import { newRecoveryCodes, recoveryCodesSchema } from "../../accounts/recovery-codes.ts";
import { recentUser, refuseUnprovedFactor } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { factorSchema, presentFactor } from "../../factors/factor.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { ownFactors } from "./own-factors.ts";

export const addPasskey = endpoint(
  {
    id: "addPasskey",
    method: "post",
    path: "/api/v1/users/me/factors/passkeys",
    tag: "Second factors",
    summary: "Add a passkey",
    description:
      "`credential` is what `navigator.credentials.create()` returned, as JSON. Without `name`, the passkey is named after its provider or the browser. The first factor comes with recovery codes. The owner gets an email.",
    caller: recentUser,
    body: () => z.strictObject(newPasskeyShape),
    success: {
      status: 201,
      description: "The passkey, and the recovery codes if it is the first factor.",
      schema: factorSchema.extend({ recovery_codes: recoveryCodesSchema.optional() }).meta({ id: "NewPasskey" }),
    },
    refusals: ["invalid_passkey", "too_many_factors", "reauthentication_required"],
  },
  async (services, { body, caller, client }) => {
    const userId = caller.user.id;
    const read = await readNewPasskey(services, body, userId, client.userAgent);
    if (isRefusal(read)) return read;
    const { codes, macs } = newRecoveryCodes(await factorKeyOf(services, caller.user), services.random);
    const addition = await ownFactors(services, caller).addPasskey(read.passkey, read.challenge, macs);
    if (addition === null) return refuseUnprovedFactor(caller);
    if (addition.outcome !== "added") {
      return addition.outcome === "too_many" ? refuse("too_many_factors") : refuse("invalid_passkey", { userId });
    }
    const { factor, isFirst } = addition;
    return { ...presentFactor(factor), ...(isFirst ? { recovery_codes: codes } : {}) };
  },
);
