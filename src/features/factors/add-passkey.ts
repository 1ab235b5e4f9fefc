import * as z from "zod";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { recentUser, refuseUnprovedFactor } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { factorName, factorSchema, presentFactor } from "../../factors/factor.ts";
import { openChallenge } from "../../factors/passkeys/challenge.ts";
import { challengeOf } from "../../factors/passkeys/client-data.ts";
import { registrationResponse } from "../../factors/passkeys/credential-json.ts";
import { namePasskey } from "../../factors/passkeys/names.ts";
import { verifyRegistration } from "../../factors/passkeys/verify-registration.ts";
import { createRecoveryCodes } from "../../factors/recovery-codes.ts";
import { createId } from "../../platform/random.ts";
import { isRefusal, refuse } from "../../platform/refusal.ts";
import { ownFactors } from "./own-factors.ts";
import { macsOf, recoveryCodesSchema } from "./recovery-codes.ts";

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
    body: () => z.strictObject({ credential: registrationResponse, name: factorName.optional() }),
    success: {
      status: 201,
      description: "The passkey, and the recovery codes if it is the first factor.",
      schema: factorSchema.extend({ recovery_codes: recoveryCodesSchema.optional() }).meta({ id: "NewPasskey" }),
    },
    refusals: ["invalid_passkey", "too_many_factors", "reauthentication_required"],
  },
  async (services, { body, caller, client }) => {
    const { clock, config, random } = services;
    const { credential } = body;
    const userId = caller.user.id;
    const challenge = openChallenge("register", challengeOf(credential) ?? "", services);
    if (challenge?.userId !== userId) return refuse("invalid_passkey", { userId });
    const content = await verifyRegistration(credential, { ...config.passkeys, challenge });
    if (isRefusal(content)) return content;

    const key = await factorKeyOf(services, caller.user);
    const codes = createRecoveryCodes(random);
    const name = body.name ?? namePasskey({ aaguid: content.aaguid, userAgent: client.userAgent });
    const passkey = { id: createId(clock.now(), random), name, content };
    const addition = await ownFactors(services, caller).addPasskey(passkey, challenge, macsOf(codes, key));
    if (addition === null) return refuseUnprovedFactor(caller);
    if (addition.outcome !== "added") {
      return addition.outcome === "too_many" ? refuse("too_many_factors") : refuse("invalid_passkey", { userId });
    }
    const { factor, isFirst } = addition;
    return { ...presentFactor(factor), ...(isFirst ? { recovery_codes: codes } : {}) };
  },
);
