/** The emails in English. */
import { formatTime } from "../../config/languages.ts";
import { type Detail, type Device, FEW_CODES, type Language, type Messages } from "../messages.ts";

const UNKNOWN = "unknown";
const NOTHING_TO_DO = "If this was you, you don't need to do anything.";
const NOT_TOLD = "If this wasn't you, you don't need to do anything. We didn't tell anyone that you have an account.";

const FACTORS = { totp: "An authenticator app", passkey: "A passkey", email: "A code by email" } as const;

const messages: Messages = {
  verify_email: ({ product, username, url, hours }) => ({
    subject: `Verify your email address for ${product}`,
    preview: `Confirm it to finish creating your account. The link expires in ${count(hours, "hour")}.`,
    body: [
      `Thanks for signing up for ${product}. Your username is ${username}.`,
      `Confirm your email address to finish creating your account. The link works once and expires in ${count(hours, "hour")}.`,
    ],
    action: { label: "Verify email address", url },
    closing: "If you didn't sign up, or this isn't the username you chose, ignore this email.",
  }),

  invitation: ({ product, inviter, url, until }) => ({
    subject: `You've been invited to ${product}`,
    preview: "Create your account to join.",
    body: [
      `${inviter} has invited you to join ${product}.`,
      `Accept the invitation to create your account. The link works once and expires on ${time(until)}.`,
    ],
    action: { label: "Accept invitation", url },
    closing: "If you weren't expecting this, you can ignore this email.",
  }),

  account_exists: ({ product, url }) => ({
    subject: `You already have an account with ${product}`,
    preview: "Log in, or reset your password if you've forgotten it.",
    body: [
      `Someone tried to create an account for ${product} with this email address, but you already have one.`,
      "Log in, or reset your password if you've forgotten it.",
    ],
    action: { label: "Log in", url },
    closing: NOT_TOLD,
  }),

  reset_password: ({ product, username, url, minutes }) => ({
    subject: `Reset your ${product} password`,
    preview: `Choose a new password. The link expires in ${count(minutes, "minute")}.`,
    body: [
      `We received a request to reset the password for your ${product} account (${username}).`,
      `The link works once, expires in ${count(minutes, "minute")}, and logs you out on all devices.`,
    ],
    action: { label: "Reset password", url },
    closing: "If you didn't ask for this, ignore this email. Your password won't change.",
  }),

  email_login: ({ product, username, url, minutes }) => ({
    subject: `Log in to ${product}`,
    preview: `Your link works once and expires in ${count(minutes, "minute")}.`,
    body: [
      `Use this link to log in to your ${product} account (${username}).`,
      `The link works once and expires in ${count(minutes, "minute")}. If you open it in another browser, you'll also need the code that's shown where you asked for the link.`,
    ],
    action: { label: "Log in", url },
    closing: "If you didn't ask for this, ignore this email. Don't share this link or the code with anyone.",
  }),

  password_blocked: ({ product, url, at }) => ({
    subject: `Reset your ${product} password`,
    preview: "Someone has repeatedly tried to guess it. They didn't get in.",
    body: [
      `Someone has repeatedly tried to guess your ${product} password. They didn't get in.`,
      `As a precaution, since ${time(at)} your password only works where you've logged in before. To log in anywhere else, reset it.`,
    ],
    action: { label: "Reset password", url },
    closing: "Your new password will work everywhere.",
  }),

  password_changed: ({ product, url, at }) => ({
    subject: `Your ${product} password has been changed`,
    preview: "If this wasn't you, reset your password now.",
    body: [
      `Your ${product} password was changed on ${time(at)}, and all other devices were logged out.`,
      "If this wasn't you, reset your password now.",
    ],
    action: { label: "Reset password", url },
    closing: NOTHING_TO_DO,
  }),

  password_removed: ({ product, url, at }) => ({
    subject: `Your ${product} password has been removed`,
    preview: "If this wasn't you, set a new password now.",
    body: [
      `The password of your ${product} account was removed on ${time(at)}, and all other devices were logged out. You now log in without a password.`,
      "If this wasn't you, set a new password now. This also logs out all devices.",
    ],
    action: { label: "Set new password", url },
    closing: NOTHING_TO_DO,
  }),

  new_login: ({ product, device, ipAddress, url, at }) => ({
    subject: `New login to your ${product} account`,
    preview: "If this wasn't you, change your password right away.",
    body: [
      `There was a new login to your ${product} account.`,
      [deviceDetail(device), { label: "IP address", value: ipAddress ?? UNKNOWN }, { label: "Time", value: time(at) }],
      "If this wasn't you, change your password right away and log out all other devices.",
    ],
    action: { label: "Review your devices", url },
    closing: NOTHING_TO_DO,
  }),

  refresh_reused: ({ product, device, url, at }) => ({
    subject: `A device was logged out of your ${product} account`,
    preview: "Its session was used in two places. You can log in again.",
    body: [
      "We logged out one of your devices because its session was used in two places, which can mean that it was copied.",
      [deviceDetail(device), { label: "Time", value: time(at) }],
      "You can log in again. If you don't recognize this, change your password and log out all devices.",
    ],
    action: { label: "Review your devices", url },
    closing: "This can also happen when a device is restored from a backup.",
  }),

  second_factor_added: ({ product, factor, url, at }) => ({
    subject: `A second factor was added to your ${product} account`,
    preview: "If this wasn't you, remove it and change your password.",
    body: [
      `${FACTORS[factor]} was added to your ${product} account on ${time(at)}. From now on you also need it, or a recovery code, to log in.`,
      "If this wasn't you, remove it, change your password and log out all other devices.",
    ],
    action: { label: "Secure your account", url },
    closing: NOTHING_TO_DO,
  }),

  second_factor_removed: ({ product, factor, url, at }) => ({
    subject: `A second factor was removed from your ${product} account`,
    preview: "If this wasn't you, change your password right away.",
    body: [
      `${FACTORS[factor]} was removed from your ${product} account on ${time(at)}.`,
      "If this wasn't you, change your password and log out all other devices.",
    ],
    action: { label: "Secure your account", url },
    closing: NOTHING_TO_DO,
  }),

  second_factors_removed: ({ product, url, at }) => ({
    subject: `The second factors of your ${product} account were removed`,
    preview: "You now log in with your password alone. Add a second factor again.",
    body: [
      `An administrator removed all second factors of your ${product} account on ${time(at)}. You now log in with your password alone.`,
      "Add a second factor again. If you didn't ask for this, change your password and contact support.",
    ],
    action: { label: "Secure your account", url },
    closing: "If you asked for this, you only need to add a new second factor.",
  }),

  second_factor_code: ({ product, username, code, minutes }) => ({
    subject: `Your code to log in to ${product}`,
    preview: `It works once and expires in ${count(minutes, "minute")}.`,
    body: [
      `Enter this code to finish logging in to your ${product} account (${username}).`,
      [{ label: "Code", value: code }],
      `The code works once, and only where you've just entered your password. It expires ${count(minutes, "minute")} after that.`,
    ],
    closing:
      "If you're not logging in, someone knows your password: change it now. Don't share this code with anyone, not even with us.",
  }),

  recovery_code_used: ({ product, left, url, at }) => ({
    subject: `A recovery code was used for your ${product} account`,
    preview: left === 0 ? "It was your last recovery code." : `You have ${count(left, "recovery code")} left.`,
    body: [
      `Someone logged in to your ${product} account with a recovery code on ${time(at)}.`,
      left === 0
        ? "It was your last one. Create new recovery codes now."
        : `You have ${count(left, "recovery code")} left.${left <= FEW_CODES ? " Create new ones before you run out." : ""}`,
      "If this wasn't you, change your password and log out all other devices.",
    ],
    action: { label: "Secure your account", url },
    closing: NOTHING_TO_DO,
  }),

  recovery_codes_replaced: ({ product, url, at }) => ({
    subject: `New recovery codes for your ${product} account`,
    preview: "The old recovery codes no longer work.",
    body: [
      `New recovery codes were created for your ${product} account on ${time(at)}. The old ones no longer work.`,
      "If this wasn't you, change your password and log out all other devices.",
    ],
    action: { label: "Secure your account", url },
    closing: NOTHING_TO_DO,
  }),

  passkey_counter_fell_back: ({ product, url, at }) => ({
    subject: `Check a passkey of your ${product} account`,
    preview: "The passkey may have been copied.",
    body: [
      `On ${time(at)}, someone logged in to your ${product} account with a passkey whose counter was lower than before. This can mean that the passkey was copied.`,
      "If you don't recognize this login, remove the passkey, change your password and log out all other devices.",
    ],
    action: { label: "Secure your account", url },
    closing: NOTHING_TO_DO,
  }),

  confirm_email: ({ product, username, url, hours }) => ({
    subject: `Confirm your new email address for ${product}`,
    preview: "Until you confirm, your account keeps its old email address.",
    body: [
      `Confirm this email address to use it for your ${product} account (${username}).`,
      `The link expires in ${count(hours, "hour")}. Until you confirm, your account keeps its old email address.`,
    ],
    action: { label: "Confirm email address", url },
    closing: "If this isn't your account, ignore this email.",
  }),

  email_in_use: ({ product, url }) => ({
    subject: `Your email address already has an account with ${product}`,
    preview: "Nothing has changed in your account.",
    body: [
      `Someone tried to use this email address for another ${product} account. It already belongs to yours, so nothing has changed.`,
    ],
    action: { label: "Log in", url },
    closing: NOT_TOLD,
  }),

  email_change_requested: ({ product, newEmail, url, until }) => ({
    subject: `Your ${product} email address is about to change`,
    preview: "If this wasn't you, you can keep your current address.",
    body: [
      `You asked to change the email address of your ${product} account to ${newEmail}. The change takes effect once the new address is confirmed.`,
      `If this wasn't you, use the button below. It keeps this address, logs out all devices and resets your password. The link expires on ${time(until)}.`,
    ],
    action: { label: "Keep this address", url },
    closing: NOTHING_TO_DO,
  }),

  email_changed: ({ product, newEmail, url, until }) => ({
    subject: `Your ${product} email address has been changed`,
    preview: "If this wasn't you, undo the change.",
    body: [
      `Your ${product} account now uses ${newEmail}. This is the last email we'll send to this address.`,
      `If this wasn't you, use the button below. It restores this address, logs out all devices and resets your password. The link expires on ${time(until)}.`,
    ],
    action: { label: "Undo change", url },
    closing: NOTHING_TO_DO,
  }),

  account_deleted: ({ product, at }) => ({
    subject: `Your ${product} account has been deleted`,
    preview: "Your personal data has been deleted.",
    body: [
      `Your ${product} account was deleted on ${time(at)}. You've been logged out everywhere, and your personal data has been deleted.`,
      "This can't be undone. You can sign up again with this address at any time.",
    ],
    closing: "If this wasn't you, contact support.",
  }),
};

export const english: Language = {
  messages,
  withoutButton: "If the button doesn't work, copy this link into your browser:",
  footer: (product) => `This is an automatic email from ${product}. We never ask for your password by email.`,
};

function deviceDetail(device: Device = UNKNOWN): Detail {
  return { label: "Device", value: typeof device === "string" ? device : `${device.browser} on ${device.system}` };
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

function time(at: number): string {
  return formatTime(at, "en");
}
