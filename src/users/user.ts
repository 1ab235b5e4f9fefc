/** The user as the service knows one, and as the API shows one. */
import * as z from "zod";
import type { users } from "../db/schema.ts";
import { toIsoTime } from "../platform/clock.ts";
import { ROLES } from "../verify/claims.ts";

export type User = typeof users.$inferSelect;

/** What a new user has unless something else is said of them. */
export const NEW_USER = {
  firstName: null,
  lastName: null,
  phone: null,
  role: "user",
  isActive: true,
  isVerified: false,
  isSuperuser: false,
  sessionEpoch: 0,
  passwordBlockedAt: null,
  locale: "en",
  verifiedByLink: null,
  lastLoginAt: null,
} as const satisfies Partial<User>;

/**
 * Whether the user is nobody but a registration that was never proved, so that whoever proves the address takes
 * its place. The store asks the same of a row (`isBareRegistration`).
 */
export function wasNeverProved(user: User): boolean {
  const { isVerified, verifiedByLink, lastLoginAt, sessionEpoch } = user;
  return !isVerified && verifiedByLink === null && lastLoginAt === null && sessionEpoch === 0;
}

const time = (what: string) => z.iso.datetime().meta({ description: what, examples: ["2026-11-22T09:30:00.000Z"] });

/** `User` of the API. */
export const userSchema = z
  .strictObject({
    id: z.uuid().meta({ description: "UUIDv7; never reused.", examples: ["019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071"] }),
    email: z.email().meta({ description: "Lower-case.", examples: ["ada@example.com"] }),
    username: z.string().meta({ examples: ["ada"] }),
    first_name: z
      .string()
      .nullable()
      .meta({ examples: ["Ada"] }),
    last_name: z
      .string()
      .nullable()
      .meta({ examples: ["Lovelace"] }),
    phone: z
      .string()
      .nullable()
      .meta({ description: "E.164.", examples: ["+441234567890"] }),
    role: z.enum(ROLES).meta({ examples: ["user"] }),
    is_active: z.boolean().meta({ examples: [true] }),
    is_verified: z.boolean().meta({ examples: [true] }),
    is_superuser: z.boolean().meta({ examples: [false] }),
    created_at: time("When the account was registered."),
    updated_at: time("When the profile last changed."),
    last_login: time("When somebody last logged in.").nullable(),
  })
  .meta({ id: "User" });

/** The strong validator of what {@link presentUser} shows (RFC 9110 §8.8.3). */
export function userEtag({ updatedAt, lastLoginAt }: User): string {
  return `"${updatedAt}-${lastLoginAt ?? 0}"`;
}

/** Shows a user to its owner or an operator: every field that the API promises, and no other. */
export function presentUser(user: User): z.output<typeof userSchema> {
  return {
    id: user.id,
    email: user.email,
    username: user.username,
    first_name: user.firstName,
    last_name: user.lastName,
    phone: user.phone,
    role: user.role,
    is_active: user.isActive,
    is_verified: user.isVerified,
    is_superuser: user.isSuperuser,
    created_at: toIsoTime(user.createdAt),
    updated_at: toIsoTime(user.updatedAt),
    last_login: user.lastLoginAt === null ? null : toIsoTime(user.lastLoginAt),
  };
}
