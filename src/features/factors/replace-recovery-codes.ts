import * as z from "zod";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { newRecoveryCodes, recoveryCodesSchema } from "../../accounts/recovery-codes.ts";
import { recentUser, refuseUnprovedFactor } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { refuse } from "../../platform/refusal.ts";
import { ownFactors } from "./own-factors.ts";

export const replaceRecoveryCodes = endpoint(
  {
    id: "replaceRecoveryCodes",
    method: "post",
    path: "/api/v1/users/me/recovery-codes",
    tag: "Second factors",
    summary: "Create new recovery codes",
    description: "Earlier codes stop working. The owner gets an email. Without a second factor there are no codes.",
    caller: recentUser,
    success: {
      status: 200,
      description: "Ten new codes.",
      schema: z.strictObject({ recovery_codes: recoveryCodesSchema }).meta({ id: "RecoveryCodes" }),
    },
    refusals: ["not_found", "reauthentication_required"],
  },
  async (services, { caller }) => {
    const { codes, macs } = newRecoveryCodes(await factorKeyOf(services, caller.user), services.random);
    const isReplaced = await ownFactors(services, caller).replaceRecoveryCodes(macs);
    if (isReplaced === null) return refuseUnprovedFactor(caller);
    if (!isReplaced) return refuse("not_found");
    return { recovery_codes: codes };
  },
);
