/**
 * The directory in D1: who exists, and the keys that vouch for them. Times are integers in
 * milliseconds since the Unix epoch. Sessions, limits and revocations are not here.
 */
import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const users = sqliteTable(
  "users",
  {
    id: text("id").primaryKey(),
    /** Lower-case; what makes two accounts one. */
    email: text("email").notNull(),
    username: text("username").notNull(),
    passwordHash: text("password_hash").notNull(),
    firstName: text("first_name"),
    lastName: text("last_name"),
    phone: text("phone"),
    role: text("role", { enum: ["user", "moderator", "admin"] })
      .notNull()
      .default("user"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    isVerified: integer("is_verified", { mode: "boolean" }).notNull().default(false),
    isSuperuser: integer("is_superuser", { mode: "boolean" }).notNull().default(false),
    /**
     * Moves on with every change of the password, and whenever else all sessions must end: a session or a
     * reset link of an earlier epoch is refused from the very statement that moves it.
     */
    sessionEpoch: integer("session_epoch").notNull().default(0),
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
    firstName: text("first_name"),
    lastName: text("last_name"),
    phone: text("phone"),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    uniqueIndex("registrations_username_unique").on(sql`lower(${table.username})`),
    index("registrations_email").on(table.email, table.createdAt),
    index("registrations_age").on(table.createdAt),
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
