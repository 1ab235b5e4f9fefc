import { renderSVG } from "uqr";
import * as z from "zod";
import { factorKeyOf } from "../../accounts/factor-keys.ts";
import { recentUser, refuseUnprovedFactor } from "../../endpoint/callers.ts";
import { endpoint } from "../../endpoint/endpoint.ts";
import { factorName } from "../../factors/factor.ts";
import { otpauthUri } from "../../factors/totp.ts";
import { createSeed } from "../../factors/totp-seeds.ts";
import { createSecrets } from "../../platform/crypto.ts";
import { encodeBase32 } from "../../platform/encoding.ts";
import { createId } from "../../platform/random.ts";
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
      "Creates a secret for an authenticator app (TOTP, RFC 6238), and shows it this once. It is not in force until a code confirms it, within an hour. It replaces one that waits for its confirmation.",
    caller: recentUser,
    body: () => z.strictObject({ name: factorName.optional() }),
    bodyOptional: true,
    success: {
      status: 201,
      description: "The secret, as text, as the address that authenticator apps read, and as a QR code of it.",
      schema: z
        .strictObject({
          id: z.uuid(),
          secret: z
            .string()
            .meta({ description: "base32 (RFC 4648 §6).", examples: ["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"] }),
          uri: z.string().meta({ examples: ["otpauth://totp/Postern:ada%40example.com?secret=JBSWY3DP…"] }),
          qr_svg: z.string().meta({ description: "An SVG picture.", examples: ["<svg …"] }),
        })
        .meta({ id: "NewTotp" }),
    },
    refusals: ["too_many_factors", "reauthentication_required"],
  },
  async (services, { body, caller }) => {
    const { clock, config, random } = services;
    const owner = caller.user;
    const key = await factorKeyOf(services, owner);
    const id = createId(clock.now(), random);
    const { seed, sealedSeed } = await createSeed(id, createSecrets(key), random);
    const name = body.name ?? "Authenticator app";
    const isAdded = await ownFactors(services, caller).addTotp({ id, name, sealedSeed });
    if (isAdded === null) return refuseUnprovedFactor(caller);
    if (!isAdded) return refuse("too_many_factors");
    const uri = otpauthUri({ issuer: config.productName, account: owner.email, seed });
    return { id, secret: encodeBase32(seed), uri, qr_svg: renderSVG(uri, { border: 4 }) };
  },
);
