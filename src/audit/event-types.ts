/**
 * What happened that matters to security: the closed list of events, and what is kept of one. An event
 * never holds a password, a token, a link or an email address.
 */

/** Every type of event, with what it means in plain words. */
export const AUDIT_EVENT_TYPES = {
  registered: "Somebody registered; the address is not proved yet.",
  known_address_registered: "Somebody tried to register an address that has an account.",
  user_invited: "An operator mailed an invitation, whose `invitation_id` tells it from others.",
  invitation_accepted: "Somebody accepted the invitation `invitation_id`, which proved the address.",
  email_verified: "The owner proved the address.",
  login_succeeded: "Somebody logged in.",
  login_failed: "A login was refused; `reason` says why.",
  password_blocked:
    "After too many wrong guesses the password works only where its owner has logged in before, until a reset.",
  refresh_token_reused: "A refresh token was used again after it was replaced: its session has ended.",
  logged_out: "A session was logged out, or with `all` every session.",
  password_changed: "The password was changed by somebody who knew it.",
  password_reset: "The password was reset by a mailed link.",
  password_reset_sent: "An operator sent a reset link.",
  profile_changed: "The profile changed; `fields` names what.",
  email_change_requested: "Somebody who knew the password asked to change the address.",
  email_changed: "The new address was confirmed and has taken the place of the old one.",
  email_change_undone: "The change of the address was undone from the old one; the password no longer works.",
  role_changed: "The role changed, from `old` to `new`.",
  superuser_granted: "The superuser flag was set.",
  superuser_revoked: "The superuser flag was taken away.",
  account_suspended: "The account was disabled.",
  account_reinstated: "The account was enabled again.",
  verification_changed: "An operator set whether the address counts as verified, to `new`.",
  session_ended: "One session was ended from the list of sessions.",
  sessions_ended: "The other sessions, or all of them, were ended.",
  data_exported: "Everything held about the user was exported.",
  account_deleted: "The account was deleted.",
  account_imported: "The account was brought in from another service.",
  signing_key_created: "A signing key was made.",
  signing_keys_rotated: "An operator brought the rotation of the signing key forward.",
  signing_keys_revoked: "An operator revoked signing keys.",
  signing_key_resealed: "A signing key was sealed anew, under the new secret.",
  auth_secret_rotated: "An operator put a new secret in the place of the old one, which is accepted beside it.",
  auth_secret_retired: "An operator took the old secret away: what it sealed is good for nothing any more.",
} as const;

export type AuditEventType = keyof typeof AUDIT_EVENT_TYPES;

/** More facts about an event: flat, and never personal. */
export type AuditDetails = Record<string, string | number | boolean>;

/** An event as it lies in the queue. Its id is a UUIDv7 of the moment it happened. */
export interface AuditEvent {
  id: string;
  type: AuditEventType;
  /** Milliseconds since the epoch. */
  occurredAt: number;
  /** Who did it; `null` where nobody proved who they are. */
  actorId: string | null;
  /** Whose account it concerns; `null` where there is none. */
  userId: string | null;
  ipAddress: string | null;
  userAgent: string | null;
  requestId: string | null;
  details: AuditDetails | null;
}
