/** Second factors in English: adding them, the part of the account page, and proving one again. */
import type { AuditEventType } from "../../../audit/event-types.ts";

/** The types of events that a user's own list can have. The other types concern the service. */
type OwnEventType = Exclude<
  AuditEventType,
  | `signing_${string}`
  | `auth_secret_${string}`
  | "audit_events_exported"
  | "data_imported"
  | "first_superuser_link_logged"
  | "invitation_resent"
  | "invitation_revoked"
>;

/** The texts of every field for the code of an authenticator app. */
export const APP_CODE = {
  field: "Six-digit code",
  invalid: "Enter the six digits that the app shows.",
  wrong: "Wrong code. Wait for the next one, and enter it.",
};

const TRY_AGAIN = "You canceled, or it took too long. Try again.";

/** Adding an authenticator app, and the recovery codes that come with the first factor. */
export const enrolment = {
  app: {
    heading: "Add an authenticator app",
    scan: "Scan this code with the app.",
    /** The accessible name of the QR code. */
    picture: "QR code for your authenticator app",
    typed: "Can't scan it? Enter this key in the app:",
    copy: "Copy key",
    copied: "Key copied.",
    code: APP_CODE,
    codeHint: "The app shows it after you've added the key.",
    label: "Add app",
    busyLabel: "Checking…",
  },
  codes: {
    heading: "Save your recovery codes",
    text: "If you lose your second factor, each of these codes logs you in once. Keep them in a safe place: they won't be shown again.",
    copy: "Copy",
    copied: "Codes copied.",
    download: "Download",
    downloaded: "Codes downloaded.",
    print: "Print",
    done: "I've saved them",
    /** The first lines of the file and of the printed page. */
    title: "{product}: recovery codes of {account}",
    note: "Created on {date}. Each code works once.",
    fileName: "recovery-codes",
  },
  copyFailed: "Copying didn't work. Select the text and copy it.",
};

export const security = {
  heading: "Security",
  text: "With a second factor, your password alone is no longer enough to log in. A passkey can also replace the password.",
  required: {
    soon: "From {date}, you'll need a second factor to log in. You have {duration} left to add one.",
    now: "You need a second factor to log in. Add one now.",
  },
  none: "You have no second factor yet.",
  /** For an account without a password or passkey. */
  advice: "Your account has no password. Add a passkey to log in without waiting for an email.",
  /** Devices from which the password alone is enough to log in. */
  trusted: {
    heading: "Trusted devices",
    text: "To log in from these devices, your password is enough.",
    /** `{time}` is when the device was used, `{date}` when the trust ends. */
    details: "Last used {time} · trusted until {date}",
    end: "Don't trust",
    endNamed: "Don't trust {device}",
    ending: "Ending…",
    ended: "{device} is no longer trusted.",
  },
  kinds: { totp: "Authenticator app", passkey: "Passkey", email: "Code by email" },
  added: "Added {time}",
  lastUsed: "Last used {time}",
  neverUsed: "Never used",
  tooMany: "You've reached the limit of 20 second factors. Remove one first.",
  passkey: {
    label: "Add passkey",
    busyLabel: "Waiting for your device…",
    done: "The passkey “{name}” has been added.",
    exists: "This device already has a passkey for your account.",
    unused: `No passkey was created. ${TRY_AGAIN}`,
    failed: "This device can't create a passkey for this site. Use another device, or add an authenticator app.",
    refused: "The passkey wasn't accepted. Try again.",
    unsupported: "This browser doesn't support passkeys.",
  },
  app: {
    label: "Add authenticator app",
    busyLabel: "Preparing…",
    name: "Name (optional)",
    /** The default name of an app. */
    unnamed: "Authenticator app",
    done: "“{name}” has been added.",
    /** Shown if the secret is an hour old, or if another page has replaced it. */
    outdated: "This key has expired. Close this window and start again.",
  },
  /** Codes by email. */
  email: {
    label: "Get codes by email",
    busyLabel: "Turning on…",
    note: "Codes by email protect you less: anyone who can read your email can reset your password and read the code. Use a passkey or an authenticator app if you can.",
    unnamed: "Code by email",
    done: "From now on, you'll also need a code from an email to log in.",
    refused: "Codes by email aren't available for your account. Add a passkey or an authenticator app.",
  },
  rename: {
    open: "Rename",
    /** The accessible name of the button. */
    named: "Rename {name}",
    heading: "Rename “{name}”",
    field: "Name",
    missing: "Enter a name.",
    label: "Save",
    busyLabel: "Saving…",
    done: "The new name is “{name}”.",
  },
  remove: {
    open: "Remove",
    named: "Remove {name}",
    heading: "Remove “{name}”?",
    totp: "You won't be able to log in with codes from this app.",
    passkey:
      "You won't be able to log in with this passkey. It may still be listed on your device: delete it there too.",
    email: "You won't be asked for a code from an email any more.",
    last: "This is your only second factor. Without it, your password alone is enough to log in, and your recovery codes stop working.",
    /** For an account without a password. */
    lastByEmail:
      "This is your only second factor. Without it, a link that we email you is enough to log in, and your recovery codes stop working.",
    /** For an account without a password, if no links are emailed. */
    onlyLogin: "This passkey is your only way to log in. Set a password or add another passkey first.",
    /** For a user who must have a second factor. */
    needed: "Your account needs a second factor. Add another one first.",
    label: "Remove",
    busyLabel: "Removing…",
    done: "“{name}” has been removed.",
  },
  gone: "This second factor no longer exists.",
  recovery: {
    heading: "Recovery codes",
    text: "If you lose your second factor, each of these codes logs you in once.",
    left: "Codes left: {count}",
    low: "You're running out of recovery codes. Create new ones.",
    open: "Create new codes",
    question: "Create new recovery codes?",
    warning: "The codes that you have now stop working at once.",
    label: "Create new codes",
    busyLabel: "Creating…",
    done: "New recovery codes have been created.",
  },
  /** Removing the password. */
  unset: {
    heading: "Log in without a password",
    text: "You have another way to log in, so you can remove your password. Then no one can guess or steal it.",
    open: "Remove password…",
    question: "Remove your password?",
    warning: "You'll be logged out on all other devices. You can set a new password at any time.",
    label: "Remove password",
    busyLabel: "Removing…",
    done: "Your password has been removed. You've been logged out on all other devices.",
    onlyLogin: "Your password is your only way to log in. Add a passkey first.",
  },
  offer: {
    text: "You're still logged in on other devices. If one of them might not be yours, log them out.",
    label: "Log out other devices",
  },
};

/** The dialog that asks again who the user is. */
export const confirm = {
  heading: "Confirm that it's you",
  password: "Enter your password to continue.",
  factor: "Use your second factor to continue.",
  /** For an account with neither a password nor a second factor. */
  logInAgain: "Your last login was too long ago. Log out, then log in again.",
  code: APP_CODE,
  passkey: "Use passkey",
  passkeyBusy: "Waiting for your passkey…",
  unused: `No passkey was used. ${TRY_AGAIN}`,
  wrong: "This passkey wasn't accepted. Try again.",
  noPasskeys: "This browser can't use your passkey. Continue in a browser that can.",
  lost: "Can't use it? Log out, then log in with a recovery code.",
  factorLost: "We can't check the second factor of this account. Contact support.",
  label: "Confirm",
  busyLabel: "Checking…",
};

export const events: {
  heading: string;
  text: string;
  byOperator: string;
  factorAsked: string;
  more: string;
  loading: string;
  types: Record<OwnEventType, string>;
} = {
  heading: "Recent activity",
  text: "Don't recognize something? Change your password and log out your other devices.",
  byOperator: "By an administrator",
  factorAsked: "Password correct, second factor requested",
  more: "Show more",
  loading: "Loading…",
  /** `{factor}` is the kind of the second factor. */
  types: {
    registered: "Account created",
    known_address_registered: "Someone tried to register with your email address",
    user_invited: "Invitation sent",
    invitation_accepted: "Invitation accepted",
    email_verified: "Email address verified",
    login_succeeded: "Logged in",
    login_failed: "Login refused",
    password_check_failed: "Wrong password entered",
    reauthenticated: "Identity confirmed",
    second_factor_added: "{factor} added",
    second_factor_removed: "{factor} removed",
    second_factors_removed: "All second factors removed",
    second_factor_failed: "Wrong code entered",
    passkey_counter_fell_back: "Possible copy of a passkey used",
    recovery_code_used: "Recovery code used",
    recovery_codes_replaced: "New recovery codes created",
    device_trusted: "Device trusted",
    trusted_device_removed: "Trust in a device ended",
    trusted_devices_removed: "Trust in all devices ended",
    email_retried: "Email sent again",
    limit_reset: "Limit reset",
    password_blocked: "Password blocked on new devices after too many attempts",
    refresh_token_reused: "Session ended: its token was used twice",
    logged_out: "Logged out",
    password_changed: "Password changed",
    password_removed: "Password removed",
    password_reset: "Password reset",
    password_reset_sent: "Password reset link sent",
    profile_changed: "Profile changed",
    email_change_requested: "Change of email address requested",
    email_changed: "Email address changed",
    email_change_undone: "Change of email address undone",
    role_changed: "Role changed",
    superuser_granted: "Made a superuser",
    superuser_revoked: "No longer a superuser",
    account_suspended: "Account disabled",
    account_reinstated: "Account enabled again",
    verification_changed: "Verification of the email address changed",
    session_ended: "Device logged out",
    sessions_ended: "Other devices logged out",
    all_sessions_ended: "All devices of all users logged out",
    email_refused: "An email to you could not be delivered",
    data_exported: "Data downloaded",
    account_deleted: "Account deleted",
    account_imported: "Account imported from another service",
  },
};
