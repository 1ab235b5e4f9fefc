/** Adding a passkey: in a session, or during a login for which the user must set up a second factor. */
import * as z from "zod";
import type { Config } from "../config/config.ts";
import { factorName } from "../factors/factor.ts";
import type { Factors } from "../factors/factor-calls.ts";
import { createChallenge, openChallenge } from "../factors/passkeys/challenge.ts";
import { challengeOf } from "../factors/passkeys/client-data.ts";
import { registrationResponse } from "../factors/passkeys/credential-json.ts";
import { namePasskey } from "../factors/passkeys/names.ts";
import { creationOptions } from "../factors/passkeys/options.ts";
import { verifyRegistration } from "../factors/passkeys/verify-registration.ts";
import type { Clock } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { createId, type Random } from "../platform/random.ts";
import { isRefusal, refuse } from "../platform/refusal.ts";
import type { User } from "../users/user.ts";

/** `PublicKeyCredentialCreationOptionsJSON` (WebAuthn §5.1.8). */
export const passkeyCreationOptions = z.looseObject({ challenge: z.string() }).meta({ id: "PasskeyCreationOptions" });

/** What a client sends to add a passkey. */
export const newPasskeyShape = { credential: registrationResponse, name: factorName.optional() };

interface Services {
  clock: Clock;
  config: Config;
  factors: Factors;
  random: Random;
  secrets: Secrets;
}

export async function optionsForPasskey(services: Services, { id, email, username }: User) {
  const { config, factors } = services;
  return creationOptions({
    rp: { id: config.passkeys.rpId, name: config.productName },
    user: { id, name: email, displayName: username },
    challenge: createChallenge("register", id, services),
    existing: await factors.passkeys(id),
  });
}

/** Verifies a new passkey. The user's object marks the challenge as used when it adds the passkey. */
export async function readNewPasskey(
  services: Services,
  { credential, name }: z.output<z.ZodObject<typeof newPasskeyShape>>,
  userId: string,
  userAgent: string | null,
) {
  const { clock, config, random } = services;
  const challenge = openChallenge("register", challengeOf(credential) ?? "", services);
  if (challenge?.userId !== userId) return refuse("invalid_passkey", { userId });
  const content = await verifyRegistration(credential, { ...config.passkeys, challenge });
  if (isRefusal(content)) return content;
  const givenName = name ?? namePasskey({ aaguid: content.aaguid, userAgent });
  return { passkey: { id: createId(clock.now(), random), name: givenName, content }, challenge };
}
