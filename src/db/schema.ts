/**
 * The tables in D1: users, registrations, email changes, signing keys, audit events and others. Times are integers in
 * milliseconds since the Unix epoch. Sessions, limits and revocations are stored elsewhere.
 */
import { sql } from "drizzle-orm";
import { index, integer, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
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
    /** Lower case, so that addresses that only differ in case belong to one account. */
    email: text("email").notNull(),
    username: text("username").notNull(),
    passwordHash: text("password_hash").notNull(),
    ...profileColumns(),
    role: text("role", { enum: ROLES }).notNull().default("user"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    isVerified: integer("is_verified", { mode: "boolean" }).notNull().default(false),
    isSuperuser: integer("is_superuser", { mode: "boolean" }).notNull().default(false),
    /**
     * Incremented with every change of the password, and whenever all sessions must end. From that moment, sessions and
     * reset links of an earlier epoch are refused.
     */
    sessionEpoch: integer("session_epoch").notNull().default(0),
    /** The only session of an earlier epoch that stays valid: the session in which the user changed the password. */
    keptSessionId: text("kept_session_id"),
    /**
     * Set when there were too many wrong guesses. From this time on, the password works only on networks where the user
     * has logged in before.
     */
    passwordBlockedAt: integer("password_blocked_at"),
    /**
     * When the budget of successful logins (`loginsPerUser`) is full again, as a time that `limits/gcra.ts` computes.
     */
    loginsUntil: real("logins_until").notNull().default(0),
    /** The language of emails: a BCP 47 tag from `config/languages.ts`. */
    locale: text("locale").notNull().default("en"),
    /**
     * SHA-256 of the verification or invitation link that verified the address. If that verification link is used
     * again, it succeeds again. Every other verification or invitation link for the address is refused.
     */
    verifiedByLink: text("verified_by_link"),
    /** Since when the user has a second factor. A copy: the user's object decides (`factors/second-factor-flag.ts`). */
    secondFactorSince: integer("second_factor_since"),
    /**
     * When the service noticed that the user must have a second factor. The grace begins then
     * (`access/factor-policy.ts`).
     */
    secondFactorDemandedAt: integer("second_factor_demanded_at"),
    /** What the secrets of the user's factors are sealed with, itself sealed (`factors/factor-key.ts`). */
    factorKey: text("factor_key"),
    /** Imported factors, until the user's object takes them over (`factors/imported-factors.ts`). */
    importedFactors: text("imported_factors"),
    /**
     * The user handle of imported passkeys, base64url (WebAuthn §5.4.3). In passkeys that Postern created, it is the
     * user's id.
     */
    userHandle: text("user_handle"),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    lastLoginAt: integer("last_login_at"),
  },
  (table) => [
    uniqueIndex("users_email_unique").on(table.email),
    uniqueIndex("users_verifying_link").on(table.verifiedByLink),
    uniqueIndex("users_username_unique").on(sql`lower(${table.username})`),
    // For lists of users: all users, newest first, or only the few that a filter usually asks for.
    index("users_newest").on(table.createdAt, table.id),
    index("users_unverified").on(table.createdAt, table.id).where(sql`is_verified = 0`),
    index("users_suspended").on(table.createdAt, table.id).where(sql`is_active = 0`),
    index("users_operators").on(table.role, table.createdAt, table.id).where(sql`role <> 'user'`),
    index("users_with_factor").on(table.createdAt, table.id).where(sql`second_factor_since IS NOT NULL`),
    index("users_superusers").on(table.id).where(sql`is_superuser = 1`),
    // For logins with an imported passkey.
    index("users_handles").on(table.userHandle).where(sql`user_handle IS NOT NULL`),
    // After a change of the secret, those that must be sealed again.
    index("users_factor_keys").on(table.factorKey).where(sql`factor_key IS NOT NULL`),
  ],
);

/**
 * Registrations that wait for their link to be used. Each has the credentials that were sent with it. One address can
 * have several registrations: the first one whose link is used sets the account's credentials. An address that already
 * has an account gets a row too, but no link, so that the response does not reveal the account.
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
 * Invitations that operators have sent. An invitation without a row comes from a release that did not store
 * invitations: its link is accepted too (docs/decisions/0016-invitations-have-a-record.md).
 */
export const invitations = sqliteTable(
  "invitations",
  {
    /** A UUIDv7 of the time of the invitation, so that the primary key is in time order. Its links contain the id. */
    id: text("id").primaryKey(),
    /** `NULL` as soon as the invitation is accepted or revoked. From then on, its links are refused. */
    email: text("email"),
    /** The language of its emails. */
    locale: text("locale").notNull(),
    /** The operator who sent it first. */
    invitedBy: text("invited_by").notNull(),
    createdAt: integer("created_at").notNull(),
    /** When its newest link expires. */
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [
    index("invitations_email").on(table.email).where(sql`email IS NOT NULL`),
    index("invitations_expiry").on(table.expiresAt),
  ],
);

/**
 * Changes of email address. A change is requested, then confirmed from the new address. For `EMAIL_CHANGE_UNDO_DAYS`,
 * it can be undone from the old address. After that, the row is deleted.
 */
export const emailChanges = sqliteTable(
  "email_changes",
  {
    id: text("id").primaryKey(),
    userId: text("user_id").notNull(),
    oldEmail: text("old_email").notNull(),
    newEmail: text("new_email").notNull(),
    /** The user's session epoch at the time of the request. Ending all sessions also cancels a pending change. */
    sessionEpoch: integer("session_epoch").notNull(),
    requestedAt: integer("requested_at").notNull(),
    confirmedAt: integer("confirmed_at"),
    undoneAt: integer("undone_at"),
  },
  (table) => [index("email_changes_user").on(table.userId), index("email_changes_age").on(table.requestedAt)],
);

/** Usernames of deleted accounts, reserved for `USERNAME_RETIREMENT_DAYS`. Stored as digests, not as names. */
export const retiredUsernames = sqliteTable(
  "retired_usernames",
  {
    /** SHA-256 of the lower-case username, base64url. */
    digest: text("digest").primaryKey(),
    retiredUntil: integer("retired_until").notNull(),
    /** The user who gave the name up. As long as this user exists, others can take the name. */
    formerOwner: text("former_owner"),
  },
  (table) => [index("retired_usernames_until").on(table.retiredUntil)],
);

/**
 * A table of security events, which never contain a password, token, link or email address. `DB` has one such table,
 * and `AUDIT_DB` another (`db/archive.ts`).
 */
export const eventTable = (name: string) =>
  sqliteTable(
    name,
    {
      /**
       * A UUIDv7 of the time of the event, so that the primary key is in time order. An event that arrives twice is
       * stored once.
       */
      id: text("id").primaryKey(),
      type: text("type").notNull(),
      occurredAt: integer("occurred_at").notNull(),
      /** The user who acted; `null` if unauthenticated. */
      actorId: text("actor_id"),
      /** The user whose account is concerned; `null` if none is. */
      userId: text("user_id"),
      ipAddress: text("ip_address"),
      userAgent: text("user_agent"),
      requestId: text("request_id"),
      /** More facts as a flat JSON object, or `null`. */
      details: text("details"),
    },
    (table) => [
      index(`${name}_user`).on(table.userId, table.id),
      index(`${name}_actor`).on(table.actorId, table.id),
      index(`${name}_type`).on(table.type, table.id),
    ],
  );

/** Security events. With `AUDIT_DB`, they are here only until they are moved there. */
export const auditEvents = eventTable("audit_events");

/**
 * Work that follows from a change in D1 and happens after it. Stored in the batch that makes the change. The request
 * that made the change does the work and deletes the row. The cron job does the work that requests have left.
 */
export const followUps = sqliteTable(
  "follow_ups",
  {
    id: text("id").primaryKey(),
    /**
     * `mail`: put a request for an email into the queue. `sessions`: tell the user's object about the user's epoch and
     * role. `anonymise`: remove personal data from the events of a deleted user.
     */
    kind: text("kind", { enum: ["mail", "sessions", "anonymise"] }).notNull(),
    /** JSON, as `accounts/follow-ups.ts` reads it. */
    content: text("content").notNull(),
    /** When the cron job does the work, unless the request or another run has done it. */
    dueAt: integer("due_at").notNull(),
    /** How often the cron job has tried this work and failed. */
    failures: integer("failures").notNull(),
  },
  (table) => [index("follow_ups_due").on(table.dueAt)],
);

export const signingKeys = sqliteTable("signing_keys", {
  /**
   * The number of the key: one more than that of the previous key. If two isolates create the next key at the same
   * time, the primary key lets only one succeed.
   */
  sequence: integer("sequence").primaryKey(),
  /** The key id (`kid`): the RFC 7638 thumbprint. */
  id: text("id").notNull().unique(),
  algorithm: text("algorithm", { enum: ["ES256", "Ed25519"] }).notNull(),
  publicJwk: text("public_jwk").notNull(),
  /** The private JWK, sealed with AES-256-GCM. The key id is the authenticated context. */
  sealedPrivateJwk: text("sealed_private_jwk").notNull(),
  createdAt: integer("created_at").notNull(),
  signsFrom: integer("signs_from").notNull(),
  /** From this time on the key is due for a successor. Set to the current time for a manual rotation. */
  rotatesAt: integer("rotates_at").notNull(),
  /** Set in an emergency. From then on the key is neither published nor trusted. */
  revokedAt: integer("revoked_at"),
});

/** Addresses that a mail server refused permanently (`mail/suppressions.ts`). */
export const suppressedAddresses = sqliteTable(
  "suppressed_addresses",
  {
    /** A MAC of the address, base64url. */
    digest: text("digest").primaryKey(),
    /** How many refusals there were in a row. Not counted beyond the number that leads to the longest period. */
    refusals: integer("refusals").notNull(),
    suppressedUntil: integer("suppressed_until").notNull(),
  },
  (table) => [index("suppressed_addresses_until").on(table.suppressedUntil)],
);

/** Emails that failed for good (`mail/undelivered.ts`). */
export const undeliveredEmails = sqliteTable(
  "undelivered_emails",
  {
    /** The id of the request, a UUIDv7 of its time. */
    id: text("id").primaryKey(),
    /** The event of the request, as JSON. */
    event: text("event").notNull(),
    /** The address; `null` if the email could not even be written. */
    recipient: text("recipient"),
    reason: text("reason").notNull(),
    failedAt: integer("failed_at").notNull(),
    /** How many tries there were. */
    attempts: integer("attempts").notNull(),
  },
  (table) => [index("undelivered_emails_recipient").on(table.recipient)],
);

/** Emails that the development transport stored instead of sending them. Empty in production. */
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
