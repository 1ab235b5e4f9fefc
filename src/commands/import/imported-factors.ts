/** Checks the second factors of an imported user field by field, then seals (encrypts) them as the service does. */
import { createPublicKey } from "node:crypto";
import * as z from "zod";
import { factorName } from "../../factors/factor.ts";
import { createFactorKey, openFactorKey } from "../../factors/factor-key.ts";
import type { NewFactor } from "../../factors/factor-records.ts";
import type { ImportedFactors } from "../../factors/imported-factors.ts";
import { readCborMap } from "../../factors/passkeys/cbor.ts";
import { namePasskey } from "../../factors/passkeys/names.ts";
import { type PasskeyPublicKey, readJwk, readPublicKey } from "../../factors/passkeys/public-key.ts";
import { bareCode, hashedCodeMac, recoveryCodeMac } from "../../factors/recovery-codes.ts";
import { sealSeed } from "../../factors/totp-seeds.ts";
import { createSecrets, type Secrets } from "../../platform/crypto.ts";
import { decodeBase32, decodeBase64url, decodeHex, encodeBase64url } from "../../platform/encoding.ts";
import type { Random } from "../../platform/random.ts";

/** The most factors that Postern allows per user (`factors/new-factors.ts`). */
const MOST_FACTORS = 20;
const MOST_CODES = 20;
/** 80 bits: many services have made seeds of this length. Postern's own seeds have 160. */
const LEAST_SEED_BYTES = 10;
const MOST_SEED_BYTES = 64;
const SHA256_BYTES = 32;
/** The AAGUID of an authenticator whose model is unknown (WebAuthn §6.5.1). */
const NO_AAGUID = "00000000-0000-0000-0000-000000000000";

/** base64 or base64url, with padding or without. */
const bytes = (least: number, most: number) =>
  z.string().transform((text, context) => {
    const decoded = decodeBase64url(text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""));
    if (decoded !== undefined && decoded.byteLength >= least && decoded.byteLength <= most) return decoded;
    const length = least === most ? `${most} bytes` : `at most ${most} bytes`;
    context.addIssue({ code: "custom", message: `This takes ${length} in base64url.`, params: INVALID_FORMAT });
    return z.NEVER;
  });

const INVALID_FORMAT = { code: "invalid_format" };

const seed = z.string().transform((text, context) => {
  const decoded = decodeBase32(text.replace(/[\s-]/g, "").replace(/=+$/, "").toUpperCase());
  if (decoded !== undefined && decoded.byteLength >= LEAST_SEED_BYTES && decoded.byteLength <= MOST_SEED_BYTES)
    return decoded;
  const message = `This takes ${LEAST_SEED_BYTES} to ${MOST_SEED_BYTES} bytes in base32.`;
  context.addIssue({ code: "custom", message, params: INVALID_FORMAT });
  return z.NEVER;
});

const onlyValue = <Value extends string | number>(value: Value) =>
  z.literal(value, `Apps with another value than ${value} can't be imported.`).optional();

const recoveryCode = z
  .string()
  .max(64, "A recovery code has at most 64 characters.")
  .refine((code) => bareCode(code).length >= 8, "A recovery code has at least 8 letters and digits.");

const codeHash = z
  .string()
  .transform((text, context) => {
    if (/^[\da-f]{64}$/i.test(text)) return decodeHex(text);
    const decoded = bytes(SHA256_BYTES, SHA256_BYTES).safeParse(text);
    if (decoded.success) return decoded.data;
    context.addIssue({
      code: "custom",
      message: "This takes a SHA-256 in hexadecimal digits or base64. Leave out codes with other hashes.",
      params: { code: "unusable_hash" },
    });
    return z.NEVER;
  })
  .pipe(z.instanceof(Uint8Array));

const publicKey = z.union([z.string(), z.record(z.string(), z.unknown())]).transform((value, context) => {
  const key = typeof value === "string" ? readCose(value) : readJwk(value);
  if (key !== undefined && isOnItsCurve(key)) return key;
  const message = "This takes the public key of ES256, Ed25519 or RS256, as COSE in base64url or as a JWK.";
  context.addIssue({ code: "custom", message, params: { code: "unusable_key" } });
  return z.NEVER;
});

/** The fields for second factors in a line. `rpId` is the domain of the service's passkeys, if the operator gave it. */
export function factorFields(time: z.ZodType<number | null | undefined>, rpId: string | undefined) {
  const common = { name: factorName.optional(), created_at: time };
  const passkey = z.strictObject({
    ...common,
    id: bytes(1, 1_023),
    public_key: publicKey,
    rp_id: z.string().refine((domain) => rpId === undefined || domain === rpId, {
      error: "This passkey belongs to another domain than --rp-id says. Browsers would not offer it here.",
      params: { code: "other_rp_id" },
    }),
    counter: z.int().min(0).max(0xffffffff).default(0),
    transports: z.array(z.string().max(32)).max(16).default([]),
    backup_eligible: z.boolean().optional(),
    aaguid: z.uuid().toLowerCase().default(NO_AAGUID),
  });
  return {
    totp: z
      .array(
        z.strictObject({
          ...common,
          secret: seed,
          algorithm: onlyValue("SHA1"),
          digits: onlyValue(6),
          period: onlyValue(30),
        }),
      )
      .default([]),
    passkeys: z.array(passkey).default([]),
    passkey_user_handle: bytes(1, 64).nullish(),
    recovery_codes: z.array(recoveryCode).default([]),
    recovery_code_hashes: z.array(codeHash).default([]),
  };
}

type FactorFields = z.output<z.ZodObject<ReturnType<typeof factorFields>>>;

/** Returns what is wrong with the factors of a line, and in which field; `undefined` if nothing is wrong. */
export function faultOfFactors(
  fields: FactorFields & { is_verified: boolean },
  rpId: string | undefined,
): { field: keyof FactorFields; code: string; message: string } | undefined {
  const { totp, passkeys, passkey_user_handle: handle, recovery_codes: codes, recovery_code_hashes: hashes } = fields;
  const factors = totp.length + passkeys.length;
  const field = totp.length > 0 ? "totp" : "passkeys";
  if (factors > MOST_FACTORS)
    return { field, code: "too_many", message: `A user can have ${MOST_FACTORS} second factors.` };
  if (codes.length + hashes.length > MOST_CODES)
    return { field: "recovery_codes", code: "too_many", message: `A user can bring ${MOST_CODES} recovery codes.` };
  if (factors === 0 && codes.length + hashes.length > 0) {
    const of = codes.length > 0 ? "recovery_codes" : "recovery_code_hashes";
    return { field: of, code: "no_factor", message: "Recovery codes stand in for a second factor. There is none." };
  }
  if (handle && passkeys.length === 0)
    return { field: "passkey_user_handle", code: "no_factor", message: "There is no passkey with this user handle." };
  if (factors > 0 && !fields.is_verified)
    return {
      field,
      code: "not_verified",
      message: "Only users with a verified address can have second factors.",
    };
  if (passkeys.length > 0 && rpId === undefined)
    return {
      field: "passkeys",
      code: "rp_id_unknown",
      message: "Passkeys belong to a domain. Give the service's PASSKEY_RP_ID with --rp-id.",
    };
  return undefined;
}

/** The checked factors of a user, before they are sealed. */
export interface UnsealedFactors extends Pick<ImportedFactors, "factors"> {
  /** The seeds of the authenticator apps, by the id of the factor. */
  seeds: Map<string, Uint8Array>;
  codes: string[];
  codeHashes: Uint8Array[];
}

/** `idFor` makes the id of a factor from the factor's number and creation time. */
export function unsealedFactors(
  fields: FactorFields,
  createdAt: number,
  idFor: (purpose: string, time: number) => string,
  userHandle: string | undefined,
): UnsealedFactors | undefined {
  const seeds = new Map<string, Uint8Array>();
  const factors: NewFactor[] = [...fields.totp, ...fields.passkeys].map((factor, index) => {
    const at = factor.created_at ?? createdAt;
    const about = { id: idFor(`factor ${index}`, at), createdAt: at };
    if ("secret" in factor) {
      seeds.set(about.id, factor.secret);
      const name = factor.name ?? "Authenticator app";
      return { ...about, kind: "totp", name, content: { sealedSeed: "", lastStep: 0 } };
    }
    const { aaguid, counter, transports } = factor;
    const content = {
      ...factor.public_key,
      ...{ credentialId: encodeBase64url(factor.id), aaguid, counter, transports, userHandle },
      ...{ isBackedUp: factor.backup_eligible ?? false, isBackupEligible: factor.backup_eligible },
    };
    return { ...about, kind: "passkey", name: factor.name ?? namePasskey({ aaguid, userAgent: null }), content };
  });
  if (factors.length === 0) return undefined;
  return { factors, seeds, codes: fields.recovery_codes, codeHashes: fields.recovery_code_hashes };
}

/** Returns the columns of the user's row that contain the factors. `secrets` are the service's secrets. */
export async function sealFactors(
  userId: string,
  { factors, seeds, codes, codeHashes }: UnsealedFactors,
  secrets: Secrets,
  random: Random,
) {
  const factorKey = await createFactorKey(userId, secrets, random);
  const own = createSecrets((await openFactorKey(userId, factorKey, secrets)) ?? "");
  const sealed = await Promise.all(
    factors.map(async (factor): Promise<NewFactor> => {
      const opened = seeds.get(factor.id);
      if (opened === undefined || factor.kind !== "totp") return factor;
      return { ...factor, content: { ...factor.content, sealedSeed: await sealSeed(factor.id, opened, own, random) } };
    }),
  );
  const recoveryMacs = [
    ...codes.map((code) => recoveryCodeMac(code, own)),
    ...codeHashes.map((hash) => hashedCodeMac(hash, own)),
  ];
  const imported: ImportedFactors = { factors: sealed, recoveryMacs };
  const secondFactorSince = Math.min(...factors.map(({ createdAt }) => createdAt));
  return { factorKey, secondFactorSince, importedFactors: JSON.stringify(imported) };
}

function readCose(text: string): PasskeyPublicKey | undefined {
  const decoded = bytes(1, 2_048).safeParse(text).data;
  const item = decoded && readCborMap(decoded);
  return item?.end === decoded?.byteLength && item ? readPublicKey(item.value) : undefined;
}

function isOnItsCurve({ publicKey }: PasskeyPublicKey): boolean {
  try {
    createPublicKey({ key: { ...publicKey }, format: "jwk" });
    return true;
  } catch {
    return false;
  }
}
