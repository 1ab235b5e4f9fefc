/** Security events: all types, and the fields. No event contains a password, token, link or email address. */
import * as z from "zod";

/** Every type of event, with its meaning for the API reference. */
export const AUDIT_EVENT_TYPES = {
  registered: "A new account was registered; its email address is not verified yet.",
  known_address_registered: "A registration used an email address that already has an account.",
  user_invited: "An operator sent an invitation; `invitation_id` identifies it.",
  invitation_resent: "An operator sent another link for the invitation `invitation_id`.",
  invitation_revoked: "An operator revoked the invitation `invitation_id`, and all others of the same address.",
  invitation_accepted: "The invitation `invitation_id` was accepted, which also verified the email address.",
  email_verified: "The user verified the email address.",
  login_succeeded:
    "The user logged in; `factor` is the kind of the second factor, if the user proved one. `trusted_device` is the trusted device from which no factor was needed. `method` is `email` if the login began with an emailed link.",
  login_failed:
    "A login was refused; `reason` says why. With `session_id`, it takes back the `login_succeeded` of the same `session_id`, which was recorded too early.",
  password_check_failed: "A logged-in user entered a wrong current password; `reason` says why it was refused.",
  reauthenticated: "A logged-in user authenticated again; `methods` says how.",
  second_factor_added: "A second factor was added: `factor_id` of the kind `kind`.",
  second_factor_removed: "A second factor was removed: `factor_id` of the kind `kind`.",
  second_factors_removed: "An operator removed every second factor.",
  second_factor_failed: "A second factor was wrong, or was used before.",
  passkey_counter_fell_back: "A passkey was used whose counter fell back: there may be a copy of it.",
  recovery_code_used:
    "A recovery code was used in place of another second factor; `left` is the number of codes that remain.",
  device_trusted: "The user trusted the device `device_id`: for a while, logins from it need no second factor.",
  trusted_device_removed: "The device `device_id` is not trusted any more.",
  trusted_devices_removed: "No device is trusted any more.",
  recovery_codes_replaced: "New recovery codes were created; the earlier codes no longer work.",
  password_blocked:
    "After too many wrong guesses, the password only works where the user has logged in before, until it is reset.",
  refresh_token_reused: "A refresh token was used again after it was replaced, so its session was ended.",
  logged_out: "A session was logged out; with `all`, every session.",
  password_changed: "The password was changed, or set by a user who had none.",
  password_removed: "The user removed the password, and logs in without one.",
  password_reset: "The password was reset with an emailed link.",
  password_reset_sent: "An operator sent a password reset link.",
  profile_changed: "The profile was changed; `fields` lists the fields.",
  email_change_requested: "A user requested a change of their email address.",
  email_changed: "The new email address was confirmed and replaced the old one.",
  email_change_undone: "The email address change was undone from the old address; the password no longer works.",
  role_changed: "The role was changed from `old` to `new`.",
  first_superuser_link_logged: "A link that makes the first superuser was written to the service's log.",
  superuser_granted: "The superuser flag was set.",
  superuser_revoked: "The superuser flag was removed.",
  account_suspended: "The account was disabled.",
  account_reinstated: "The account was enabled again.",
  verification_changed: "An operator changed whether the email address is verified, to `new`.",
  session_ended: "A session was ended from the list of sessions.",
  sessions_ended: "All other sessions, or all sessions, were ended.",
  all_sessions_ended: "An operator ended every session of every user.",
  email_refused:
    "A server permanently refused an email: `kind` says which, and `reason` why. With `suppressed`, no email goes to the address for a while.",
  email_retried: "An operator requested an undelivered email again; `kind` says which.",
  data_exported: "The user's data was exported.",
  audit_events_exported:
    "An operator downloaded audit events in the format `format`; the other details are the filter. With `by_ip_address`, it also named an IP address.",
  account_deleted: "The account was deleted.",
  account_imported: "The account was imported from another service.",
  data_imported:
    "An operator moved the data of another Postern here, which ended every session. Without `users`, the import is unfinished.",
  signing_key_created: "A signing key was created.",
  limit_reset: "An operator reset the limit `limit`.",
  signing_keys_rotated: "An operator rotated the signing key early.",
  signing_keys_revoked: "An operator revoked signing keys.",
  signing_key_resealed: "A signing key was sealed again with the new secret.",
  auth_secret_rotated: "An operator set a new secret; the old one is still accepted.",
  auth_secret_retired: "An operator removed the old secret; everything made with it is now invalid.",
} as const;

export type AuditEventType = keyof typeof AUDIT_EVENT_TYPES;

/** More facts about an event: a flat object without personal data. */
export const auditDetails = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

export type AuditDetails = z.output<typeof auditDetails>;

const text = z.string().max(512).nullable();

/** An event in the queue. The id is a UUIDv7 of the time of the event. */
export const auditEvent = z.strictObject({
  id: z.uuid(),
  type: z.string().refine((type): type is AuditEventType => Object.hasOwn(AUDIT_EVENT_TYPES, type)),
  /** Milliseconds since the epoch. */
  occurredAt: z.int(),
  /** The user who acted; `null` if the client was not authenticated. */
  actorId: z.uuid().nullable(),
  /** The user whose account the event is about; `null` if it is about no account. */
  userId: z.uuid().nullable(),
  ipAddress: text,
  userAgent: text,
  requestId: text,
  details: auditDetails.nullable(),
});

export type AuditEvent = z.output<typeof auditEvent>;

/** The fields that events have in every release. An event of a newer release can have more fields. */
export const identifiedEvent = z.looseObject({
  id: z.uuid(),
  type: z.string().regex(/^[a-z_]{1,64}$/),
  occurredAt: z.int(),
});

/** The request that an event comes from. */
export type AuditOrigin = Pick<AuditEvent, "ipAddress" | "userAgent" | "requestId">;

/** The origin of an event that no request caused. */
export const NO_REQUEST: AuditOrigin = { ipAddress: null, userAgent: null, requestId: null };
