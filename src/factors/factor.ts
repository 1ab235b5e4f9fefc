/** A user's second factors, and how the API shows them. */
import * as z from "zod";
import { toIsoTime } from "../platform/clock.ts";

/**
 * The kinds that prove possession of something: an app or a passkey. A user who must have a second factor needs one of
 * these kinds.
 */
export const STRONG_KINDS = ["totp", "passkey"] as const;

/** The kinds that a user can add and remove. Codes by email are only for a user without a stronger factor. */
export const FACTOR_KINDS = [...STRONG_KINDS, "email"] as const;

type FactorKind = (typeof FACTOR_KINDS)[number];

/** What can prove a second factor at a login: a factor or a recovery code. Only users with a factor have such codes. */
export const PROOF_KINDS = [...FACTOR_KINDS, "recovery_code"] as const;

export type ProofKind = (typeof PROOF_KINDS)[number];

/** Times are milliseconds since the epoch. */
export interface Factor {
  id: string;
  kind: FactorKind;
  /** The user's name for the factor, or a default name. */
  name: string;
  createdAt: number;
  lastUsedAt: number | null;
}

/** Whether proving the factor raises the authentication level of a session. Codes by email don't raise it. */
export function isStrong({ kind }: Pick<Factor, "kind">): boolean {
  return kind !== "email";
}

/**
 * Whether codes by email are the user's only factor. These codes don't raise the level of a session, so a route can't
 * require a session in which they were proved.
 */
export function isEmailAlone(factors: readonly Pick<Factor, "kind">[]): boolean {
  return factors.length > 0 && !factors.some(isStrong);
}

const time = z.iso.datetime();

export const factorName = z
  .string()
  .trim()
  .min(1, "Enter a name.")
  .max(100, "A name can have at most 100 characters.")
  .regex(/^\P{C}*$/u, "A name can't have control characters.")
  .meta({ description: "The name in the list of factors.", examples: ["Phone"] });

/** A code of an authenticator app, as people type it. */
export const typedCode = z
  .string()
  .overwrite((code) => code.replace(/\s/g, ""))
  .refine((code) => /^\d{6}$/.test(code), "Enter the six digits that the app shows.")
  .meta({ examples: ["492039"] });

/** A code from an email, as people type it. */
export const typedEmailCode = z
  .string()
  .overwrite((code) => code.replace(/\s/g, ""))
  .refine((code) => /^\d{8}$/.test(code), "Enter the eight digits from the email.")
  .meta({ examples: ["40718293"] });

export const typedRecoveryCode = z
  .string()
  .trim()
  // Codes that were imported from other services can have other forms.
  .min(8, "A recovery code has at least 8 letters and digits.")
  .max(64, "A recovery code has at most 64 characters.")
  .meta({ examples: ["mzxw-6ytb-oi7q-2n4k"] });

export const factorSchema = z
  .strictObject({
    id: z.uuid(),
    kind: z.enum(FACTOR_KINDS),
    name: z.string(),
    created_at: time,
    last_used_at: time.nullable(),
  })
  .meta({ id: "Factor" });

export function presentFactor({ id, kind, name, createdAt, lastUsedAt }: Factor): z.output<typeof factorSchema> {
  return {
    id,
    kind,
    name,
    created_at: toIsoTime(createdAt),
    last_used_at: lastUsedAt === null ? null : toIsoTime(lastUsedAt),
  };
}
