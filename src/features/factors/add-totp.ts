import * as z from "zod";
import { newTotp, newTotpSchema } from "../../accounts/new-totp.ts";
import { recentUser, refuseUnprovedFactor } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { factorName } from "../../factors/factor.ts";
import { refuse } from "../../platform/refusal.ts";
import { ownFactors } from "./own-factors.ts";

export const addTotp = endpoint(
  {
    id: "addTotp",
    method: "post",
    path: "/api/v1/users/me/factors/totp",
    tag: "Second factors",
    summary: "Add an authenticator app",
    description:
      "Creates a secret for an authenticator app (TOTP, RFC 6238), which is not shown again. The app is active once a code confirms it, within an hour. A new secret replaces one that is not confirmed yet.",
    caller: recentUser,
    body: () => z.strictObject({ name: factorName.optional() }),
    bodyOptional: true,
    success: {
      status: 201,
      description: "The secret, as text, as the address that authenticator apps read, and as a QR code of it.",
      schema: newTotpSchema,
    },
    refusals: ["too_many_factors", "reauthentication_required"],
  },
  async (services, { body, caller }) => {
    const { stored, shown } = await newTotp(services, caller.user, body.name);
    const isAdded = await ownFactors(services, caller).addTotp(stored);
    if (isAdded === null) return refuseUnprovedFactor(caller);
    return isAdded ? shown : refuse("too_many_factors");
  },
);
