/**
 * Adding an authenticator app: in a session, or during a login for which the user must set up a second factor. The user
 * sees the secret only once.
 */
import { renderSVG } from "uqr";
import * as z from "zod";
import type { Config } from "../config/config.ts";
import { otpauthUri } from "../factors/totp.ts";
import { createSeed } from "../factors/totp-seeds.ts";
import type { Clock } from "../platform/clock.ts";
import { createSecrets, type Secrets } from "../platform/crypto.ts";
import { encodeBase32 } from "../platform/encoding.ts";
import { createId, type Random } from "../platform/random.ts";
import type { FactorKeyStore } from "../users/factor-keys.ts";
import type { User } from "../users/user.ts";
import { factorKeyOf } from "./factor-keys.ts";

export const newTotpSchema = z
  .strictObject({
    id: z.uuid(),
    secret: z.string().meta({ description: "base32 (RFC 4648 §6).", examples: ["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"] }),
    uri: z.string().meta({ examples: ["otpauth://totp/Postern:ada%40example.com?secret=JBSWY3DP…"] }),
    qr_svg: z.string().meta({ description: "An SVG picture.", examples: ["<svg …"] }),
  })
  .meta({ id: "NewTotp" });

interface Services {
  clock: Clock;
  config: Config;
  factorKeys: FactorKeyStore;
  random: Random;
  secrets: Secrets;
}

/** Makes a new secret. `stored` is for the user's object, `shown` is for the user. */
export async function newTotp(services: Services, owner: User, name = "Authenticator app") {
  const { clock, config, random } = services;
  const key = await factorKeyOf(services, owner);
  const id = createId(clock.now(), random);
  const { seed, sealedSeed } = await createSeed(id, createSecrets(key), random);
  const uri = otpauthUri({ issuer: config.productName, account: owner.email, seed });
  const shown = { id, secret: encodeBase32(seed), uri, qr_svg: renderSVG(uri, { border: 4 }) };
  return { stored: { id, name, sealedSeed }, shown };
}
