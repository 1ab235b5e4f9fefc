/**
 * The tables in D1: users, registrations, email changes, signing keys, audit events and others. Times are integers in
 * milliseconds since the Unix epoch. Sessions, limits and revocations are stored elsewhere.
 */
import { sql } from "drizzle-orm";
import { index, integer, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { namesOf } from "../platform/records.ts";
import { ROLES } from "../verify/claims.ts";

/**
 * What users say about themselves (`users/profile-fields.ts`). Registrations have these columns too.
 */
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
     * When the number of wrong guesses at the password became too high. From this time on, the password works only on
     * networks from which the user has logged in before.
     */
    passwordBlockedAt: integer("password_blocked_at"),
    /** When the budget of successful logins (`loginsPerUser`) will be full again, as `limits/gcra.ts` computes it. */
    loginsUntil: real("logins_until").notNull().default(0),
    /** The language of emails: a BCP 47 tag from `config/languages.ts`. */
    locale: text("locale").notNull().default("en"),
    /**
     * SHA-256 of the verification or invitation link that verified the address. If it was a verification link, it works
     * again when the user opens it again. Every other verification or invitation link for the address is refused.
     */
    verifiedByLink: text("verified_by_link"),
    /**
     * When the user's second factor was added; `null` if the user has none. A copy of what the user's object stores,
     * which can be more recent (`factors/second-factor-flag.ts`).
     */
    secondFactorSince: integer("second_factor_since"),
    /**
     * When the service noticed that the user must have a second factor. The grace period begins then
     * (`access/factor-policy.ts`).
     */
    secondFactorDemandedAt: integer("second_factor_demanded_at"),
    /** The key that encrypts the secrets of the user's factors, itself encrypted (`factors/factor-key.ts`). */
    factorKey: text("factor_key"),
    /** Imported factors, until the user's object takes them over (`factors/imported-factors.ts`). */
    importedFactors: text("imported_factors"),
    /**
     * The user handle of imported passkeys, base64url (WebAuthn §5.4.3). In passkeys that Postern created, the handle
     * is the user's id.
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
    // For lists of users, newest first: of all users, or of the few that a filter usually selects.
    index("users_newest").on(table.createdAt, table.id),
    index("users_unverified").on(table.createdAt, table.id).where(sql`is_verified = 0`),
    index("users_suspended").on(table.createdAt, table.id).where(sql`is_active = 0`),
    index("users_operators").on(table.role, table.createdAt, table.id).where(sql`role <> 'user'`),
    index("users_with_factor").on(table.createdAt, table.id).where(sql`second_factor_since IS NOT NULL`),
    index("users_superusers").on(table.id).where(sql`is_superuser = 1`),
    // For logins with an imported passkey.
    index("users_handles").on(table.userHandle).where(sql`user_handle IS NOT NULL`),
    // For finding the keys that must be encrypted again after a change of `AUTH_SECRET`.
    index("users_factor_keys").on(table.factorKey).where(sql`factor_key IS NOT NULL`),
  ],
);

/**
 * Registrations whose link was not used yet. Each has the credentials that the client sent. One address can have
 * several registrations: the first one whose link is used sets the account's credentials. If the address already has an
 * account, a row is stored too, but the email has no link. So the response does not reveal the account.
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
 * Invitations that operators have sent. The service also accepts the link of an invitation without a row: releases that
 * did not store invitations have sent such links (docs/decisions/0016-invitations-have-a-record.md).
 */
export const invitations = sqliteTable(
  "invitations",
  {
    /** A UUIDv7 of the time of the invitation, so that the primary key is in time order. The links contain it. */
    id: text("id").primaryKey(),
    /** `NULL` as soon as the invitation is accepted or revoked. From then on, the service refuses its links. */
    email: text("email"),
    /** The language of the invitation's emails. */
    locale: text("locale").notNull(),
    /** The operator who created the invitation. Another operator may have sent it again. */
    invitedBy: text("invited_by").notNull(),
    createdAt: integer("created_at").notNull(),
    /** When the newest link of the invitation expires. */
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [
    index("invitations_email").on(table.email).where(sql`email IS NOT NULL`),
    index("invitations_expiry").on(table.expiresAt),
  ],
);

/**
 * Changes of email addresses. The user requests a change, and confirms it with a link to the new address. For
 * `EMAIL_CHANGE_UNDO_DAYS` after that, a link to the old address undoes the change. Then the row is deleted.
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

/**
 * Usernames that users gave up, by a change or by deleting the account. After the deletion, the name is reserved until
 * `USERNAME_RETIREMENT_DAYS` after the user gave it up. Stored as digests, not as names.
 */
export const retiredUsernames = sqliteTable(
  "retired_usernames",
  {
    /** SHA-256 of the lower-case username, base64url. */
    digest: text("digest").primaryKey(),
    retiredUntil: integer("retired_until").notNull(),
    /** The user who gave the name up. The name is reserved only if this user was deleted. */
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
      /** The user who acted; `null` if the client was not authenticated. */
      actorId: text("actor_id"),
      /** The user whose account the event is about; `null` if it is about no account. */
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

/** Security events. With `AUDIT_DB`, most of them are in this table only until the cron job moves them. */
export const auditEvents = eventTable("audit_events");

/**
 * Work that must follow a change in D1. The batch that makes the change also stores the row. The request that made the
 * change does the work and deletes the row. The cron job does the work that requests did not finish.
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
    /** How many times the cron job has tried this work and failed. */
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
  /** The private JWK, sealed (encrypted) with AES-256-GCM. It can be opened only with the same key id. */
  sealedPrivateJwk: text("sealed_private_jwk").notNull(),
  createdAt: integer("created_at").notNull(),
  signsFrom: integer("signs_from").notNull(),
  /**
   * From this time on, the key needs a successor. If an operator rotates the keys early, this becomes the current time.
   */
  rotatesAt: integer("rotates_at").notNull(),
  /** When an operator revoked the key in an emergency. From then on, the key is neither published nor trusted. */
  revokedAt: integer("revoked_at"),
});

/** Addresses that a mail server refused permanently (`mail/suppressions.ts`). */
export const suppressedAddresses = sqliteTable(
  "suppressed_addresses",
  {
    /** A keyed hash (MAC) of the address, base64url. */
    digest: text("digest").primaryKey(),
    /** The number of refusals in a row. Stops rising once it leads to the longest period of suppression. */
    refusals: integer("refusals").notNull(),
    suppressedUntil: integer("suppressed_until").notNull(),
  },
  (table) => [index("suppressed_addresses_until").on(table.suppressedUntil)],
);

/** Failed emails that are no longer retried (`mail/undelivered.ts`). */
export const undeliveredEmails = sqliteTable(
  "undelivered_emails",
  {
    /** The id of the request for the email: a UUIDv7 of its time. */
    id: text("id").primaryKey(),
    /** What the email is about (`MailEvent` in `mail/requests.ts`), as JSON. */
    event: text("event").notNull(),
    /** The address; `null` if composing the email failed. */
    recipient: text("recipient"),
    reason: text("reason").notNull(),
    failedAt: integer("failed_at").notNull(),
    /** How many times the service tried to send the email. */
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
