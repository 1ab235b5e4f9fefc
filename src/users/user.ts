/** Users, and how the API shows them. */
import * as z from "zod";
import type { registrations, users } from "../db/schema.ts";
import { hasPassword } from "../passwords/passwords.ts";
import { toIsoTime } from "../platform/clock.ts";
import { recordOf } from "../platform/records.ts";
import { ROLES } from "../verify/claims.ts";
import { storedEmail } from "./fields.ts";
import { newProfile, PROFILE_FIELD_NAMES, PROFILE_FIELDS, presentProfile } from "./profile-fields.ts";

export type User = typeof users.$inferSelect;

export type Registration = typeof registrations.$inferSelect;

/** The defaults of a new user. */
export const NEW_USER = {
  ...newProfile({}),
  role: "user",
  isActive: true,
  isVerified: false,
  isSuperuser: false,
  sessionEpoch: 0,
  keptSessionId: null,
  passwordBlockedAt: null,
  loginsUntil: 0,
  locale: "en",
  verifiedByLink: null,
  secondFactorSince: null,
  secondFactorDemandedAt: null,
  factorKey: null,
  importedFactors: null,
  userHandle: null,
  lastLoginAt: null,
} as const satisfies Partial<User>;

/**
 * Whether the user is only an unproved registration, as `isBareRegistration` checks in SQL. The owner of the address
 * replaces such a user.
 */
export function wasNeverProved({ isVerified, verifiedByLink, lastLoginAt, sessionEpoch }: User): boolean {
  return !isVerified && verifiedByLink === null && lastLoginAt === null && sessionEpoch === 0;
}

/**
 * Whether the owner of the address has neither used a link nor logged in. Another person may have registered such an
 * account. If the account has no password, two values do not matter: `isVerified`, because an operator may have
 * verified the account, and the session epoch, because a suspension also begins a new epoch.
 */
export function isUnclaimed(user: User): boolean {
  return wasNeverProved(hasPassword(user) ? user : { ...user, isVerified: false, sessionEpoch: 0 });
}

/**
 * Whether a session of this epoch is still valid. A new session epoch, which a change of the password begins, ends all
 * earlier sessions. Only the session in which the user changed the password continues.
 */
export function isOfCurrentEpoch(user: User, sessionId: string, epoch: number): boolean {
  return epoch === user.sessionEpoch || (epoch < user.sessionEpoch && sessionId === user.keptSessionId);
}

const time = (description: string) => z.iso.datetime().meta({ description, examples: ["2026-11-22T09:30:00.000Z"] });

/** `User` of the API. */
export const userSchema = z
  .strictObject({
    id: z.uuid().meta({ description: "UUIDv7; never reused.", examples: ["019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071"] }),
    email: storedEmail,
    username: z.string().meta({ examples: ["ada"] }),
    ...recordOf(PROFILE_FIELD_NAMES, (name) => {
      const meta = PROFILE_FIELDS[name].schema.meta();
      return z.string().nullable().meta({ description: meta?.description, examples: meta?.examples });
    }),
    role: z.enum(ROLES).meta({ examples: ["user"] }),
    is_active: z.boolean().meta({ examples: [true] }),
    is_verified: z.boolean().meta({ examples: [true] }),
    is_superuser: z.boolean().meta({ examples: [false] }),
    created_at: time("When the account was registered."),
    updated_at: time("When the profile last changed."),
    last_login: time("When the user last logged in.").nullable(),
  })
  .meta({ id: "User" });

/** `User` of the API, as operators see it. */
export const managedUserSchema = userSchema
  .extend({ second_factor_since: time("When the user's second factor was added; `null` if there is none.").nullable() })
  .meta({ id: "ManagedUser" });

/** The strong ETag of a user, as {@link presentUser} and {@link presentManagedUser} show the user (RFC 9110 §8.8.3). */
export function userEtag({ updatedAt, lastLoginAt, secondFactorSince }: User): string {
  // A change of the second factor does not change `updatedAt`.
  return `"${updatedAt}-${lastLoginAt ?? 0}${secondFactorSince === null ? "" : `-${secondFactorSince}`}"`;
}

/**
 * The version (`updatedAt`) that the header `If-Match` asks for (RFC 9110 §13.1.1). `undefined` if the header allows
 * any version, `other` if it does not name the current version.
 */
export function expectedVersion(user: User, ifMatch: string | undefined): number | undefined | "other" {
  // A proxy that compresses the answer, such as Cloudflare, makes the ETag weak (RFC 9110 §8.8.3.3). A weak ETag still
  // names the same version, so it matches here, although §13.1.1 forbids this. If a weak ETag did not match, clients
  // behind such a proxy could change nothing.
  const expected = ifMatch?.split(",").map((validator) => validator.trim().replace(/^W\/(?=")/, "")) ?? ["*"];
  if (expected.includes("*")) return undefined;
  return expected.includes(userEtag(user)) ? user.updatedAt : "other";
}

/** Shows a user to its owner: every field that the API promises, and no other. */
export function presentUser(user: User): z.output<typeof userSchema> {
  return {
    id: user.id,
    email: user.email,
    username: user.username,
    ...presentProfile(user),
    role: user.role,
    is_active: user.isActive,
    is_verified: user.isVerified,
    is_superuser: user.isSuperuser,
    created_at: toIsoTime(user.createdAt),
    updated_at: toIsoTime(user.updatedAt),
    last_login: user.lastLoginAt === null ? null : toIsoTime(user.lastLoginAt),
  };
}

/** Shows a user to an operator. */
export function presentManagedUser(user: User): z.output<typeof managedUserSchema> {
  const { secondFactorSince: since } = user;
  return { ...presentUser(user), second_factor_since: since === null ? null : toIsoTime(since) };
}
