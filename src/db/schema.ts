/**
 * The directory in D1: who exists, and the keys that vouch for them. Times are integers in
 * milliseconds since the Unix epoch. Sessions, limits and revocations are not here.
 */
import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { namesOf } from "../platform/records.ts";
import { ROLES } from "../verify/claims.ts";

/** What a person says about themselves (`users/profile-fields.ts`). Registrations keep it until the address is proved. */
const profileColumns = () => ({
  firstName: text("first_name"),
  lastName: text("last_name"),
  phone: text("phone"),
});

export const profileColumnNames = namesOf(profileColumns());

export const users = sqliteTable(
  "users",
  {
    id: text("id").primaryKey(),
    /** Lower-case; what makes two accounts one. */
    email: text("email").notNull(),
    username: text("username").notNull(),
    passwordHash: text("password_hash").notNull(),
    ...profileColumns(),
    role: text("role", { enum: ROLES }).notNull().default("user"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    isVerified: integer("is_verified", { mode: "boolean" }).notNull().default(false),
    isSuperuser: integer("is_superuser", { mode: "boolean" }).notNull().default(false),
    /**
     * Moves on with every change of the password, and whenever else all sessions must end: a session or a
     * reset link of an earlier epoch is refused from the very statement that moves it.
     */
    sessionEpoch: integer("session_epoch").notNull().default(0),
    /** Since when the password works only where its owner has logged in before: there were too many wrong guesses. */
    passwordBlockedAt: integer("password_blocked_at"),
    /** In which language mails are written: a tag of BCP 47 that `mail/languages.ts` knows. */
    locale: text("locale").notNull().default("en"),
    /** SHA-256 of the link that verified the address: that link answers alike again, every other is dead. */
    verifiedByLink: text("verified_by_link"),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    lastLoginAt: integer("last_login_at"),
  },
  (table) => [
    uniqueIndex("users_email_unique").on(table.email),
    uniqueIndex("users_verifying_link").on(table.verifiedByLink),
    uniqueIndex("users_username_unique").on(sql`lower(${table.username})`),
    index("users_unverified").on(table.createdAt).where(sql`is_verified = 0`),
    index("users_role").on(table.role, table.id),
    index("users_superusers").on(table.id).where(sql`is_superuser = 1`),
  ],
);

/**
 * Registrations that wait for somebody to prove the address, each with the credentials that were chosen
 * for it. Many may wait for one address; the one whose link is used wins. One for an address that is
 * verified already waits in vain, so that whoever made it learns nothing.
 */
export const registrations = sqliteTable(
  "registrations",
  {
    id: text("id").primaryKey(),
    email: text("email").notNull(),
    username: text("username").notNull(),
    passwordHash: text("password_hash").notNull(),
    ...profileColumns(),
    locale: text("locale").notNull().default("en"),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    uniqueIndex("registrations_username_unique").on(sql`lower(${table.username})`),
    index("registrations_email").on(table.email, table.createdAt),
    index("registrations_age").on(table.createdAt),
  ],
);

/**
 * Changes of an address: asked for, then confirmed from the new address, then for a while to be undone
 * from the old one. A row goes when that time is over.
 */
export const emailChanges = sqliteTable(
  "email_changes",
  {
    id: text("id").primaryKey(),
    userId: text("user_id").notNull(),
    oldEmail: text("old_email").notNull(),
    newEmail: text("new_email").notNull(),
    /** The user's session epoch then: whatever ends all sessions ends what waits here. */
    sessionEpoch: integer("session_epoch").notNull(),
    requestedAt: integer("requested_at").notNull(),
    confirmedAt: integer("confirmed_at"),
    undoneAt: integer("undone_at"),
  },
  (table) => [index("email_changes_user").on(table.userId), index("email_changes_age").on(table.requestedAt)],
);

/** Usernames of deleted accounts, which nobody bears for a while: a digest each, no name. */
export const retiredUsernames = sqliteTable(
  "retired_usernames",
  {
    /** SHA-256 of the lower-case username, base64url. */
    digest: text("digest").primaryKey(),
    retiredUntil: integer("retired_until").notNull(),
  },
  (table) => [index("retired_usernames_until").on(table.retiredUntil)],
);

/** What happened that matters to security. Never a password, a token, a link or an email address. */
export const auditEvents = sqliteTable(
  "audit_events",
  {
    /** UUIDv7 of the moment it happened, so that the key is the order; the same event twice is one row. */
    id: text("id").primaryKey(),
    type: text("type").notNull(),
    occurredAt: integer("occurred_at").notNull(),
    /** Who did it; `null` where nobody proved who they are. */
    actorId: text("actor_id"),
    /** Whose account it concerns; `null` where there is none. */
    userId: text("user_id"),
    ipAddress: text("ip_address"),
    userAgent: text("user_agent"),
    requestId: text("request_id"),
    /** A flat JSON object of more facts, or `null`. */
    details: text("details"),
  },
  (table) => [
    index("audit_events_user").on(table.userId, table.id),
    index("audit_events_actor").on(table.actorId, table.id),
    index("audit_events_type").on(table.type, table.id),
  ],
);

export const signingKeys = sqliteTable("signing_keys", {
  /** Counts up by one: of two isolates that make the next key at once, the unique row lets one win. */
  sequence: integer("sequence").primaryKey(),
  /** The key id (`kid`): the RFC 7638 thumbprint. */
  id: text("id").notNull().unique(),
  algorithm: text("algorithm", { enum: ["ES256", "Ed25519"] }).notNull(),
  publicJwk: text("public_jwk").notNull(),
  /** The private JWK under AES-256-GCM, with the key id as authenticated context. */
  sealedPrivateJwk: text("sealed_private_jwk").notNull(),
  createdAt: integer("created_at").notNull(),
  signsFrom: integer("signs_from").notNull(),
  /** From here on a successor is due. Moved to now to rotate by hand. */
  rotatesAt: integer("rotates_at").notNull(),
  /** Set in an emergency: from then on the key is neither published nor trusted. */
  revokedAt: integer("revoked_at"),
});

/** Mails that the development transport kept instead of sending them. Empty in production. */
export const outbox = sqliteTable(
  "outbox",
  {
    id: text("id").primaryKey(),
    recipient: text("recipient").notNull(),
    subject: text("subject").notNull(),
    text: text("text").notNull(),
    html: text("html").notNull(),
    sentAt: integer("sent_at").notNull(),
  },
  (table) => [index("outbox_newest").on(table.sentAt)],
);
