/** The mails in English. */
import { formatTime } from "../../config/languages.ts";
import type { Detail, Language, Messages } from "../messages.ts";

const NOT_YOU =
  "If it was not you, somebody else can use your account: choose a new password and log out everywhere at once.";

const UNKNOWN = "unknown";

const messages: Messages = {
  verify_email: ({ product, username, url, hours }) => ({
    subject: `Verify your address for ${product}`,
    body: [
      `Somebody, probably you, registered this address with ${product}, under the username ${username}.`,
      `If that is you, follow the link to show that the address is yours. It works once, for ${count(hours, "hour")}.`,
    ],
    action: { label: "Verify my address", url },
    closing:
      "If the username is not the one that you chose, leave this mail alone: without the link nobody can log in with your address.",
  }),

  invitation: ({ product, inviter, url, until }) => ({
    subject: `You are invited to ${product}`,
    body: [
      `The user ${inviter} invites you to open an account with ${product}.`,
      `Follow the link to choose a username and a password; that shows that this address is yours, too. It works once, until ${time(until)}.`,
    ],
    action: { label: "Accept the invitation", url },
    closing: "If you do not know what this is about, leave this mail alone: without the link there is no account.",
  }),

  account_exists: ({ product }) => ({
    subject: `You already have an account with ${product}`,
    body: [
      `Somebody, probably you, tried to register this address with ${product}, which already has an account with it.`,
      "Nothing has changed. Log in with the password that you chose then.",
    ],
    closing: "If it was not you, there is nothing to do: nobody was told that this address has an account.",
  }),

  reset_password: ({ product, username, url, minutes }) => ({
    subject: `Choose a new password for ${product}`,
    body: [
      `Somebody, probably you, asked to reset the password of your account with ${product}, whose username is ${username}.`,
      `Follow the link to choose a new one. It works once, for ${count(minutes, "minute")}, and logs every device out.`,
    ],
    action: { label: "Choose a new password", url },
    closing: "If it was not you, leave this mail alone: nothing has changed.",
  }),

  password_blocked: ({ product, at }) => ({
    subject: `Your password for ${product} needs to be reset`,
    body: [
      `Somebody has guessed at the password of your account with ${product} again and again, and was wrong each time. Nobody got in.`,
      `To be safe, since ${time(at)} your password works only in places where you have logged in before. Everywhere else, say that you have forgotten it, and choose a new password by the link that you get.`,
    ],
    closing: "A new password makes it work everywhere again.",
  }),

  password_changed: ({ product, at }) => ({
    subject: `Your password for ${product} was changed`,
    body: [
      `The password of your account with ${product} was changed on ${time(at)}. Every other device has been logged out.`,
      "If it was not you, somebody else has your password: ask for a reset at once, as if you had forgotten it. The link comes to this address, and choosing a new password logs every device out.",
    ],
    closing: "If it was you, there is nothing to do.",
  }),

  new_login: ({ product, device, ipAddress, at }) => ({
    subject: `New login to your account with ${product}`,
    body: [
      `Somebody, probably you, logged in to your account with ${product} from a device that was not seen there before.`,
      [deviceDetail(device), { label: "IP address", value: ipAddress ?? UNKNOWN }, { label: "Time", value: time(at) }],
      NOT_YOU,
    ],
    closing: "If it was you, there is nothing to do. The name of the device is the one that it gives itself.",
  }),

  refresh_reused: ({ product, device, at }) => ({
    subject: `A device was logged out of your account with ${product}`,
    body: [
      `A key that keeps one of your devices logged in to ${product} was used a second time, which can mean that somebody has copied it. To be safe, that device has been logged out.`,
      [deviceDetail(device), { label: "Time", value: time(at) }],
      "Log in there again. If you do not know why it happened, somebody else may have had access to the device or to your account: choose a new password and log out everywhere at once.",
    ],
    closing: "A device that was restored from a backup can cause this too.",
  }),

  confirm_email: ({ product, username, url, hours }) => ({
    subject: `Confirm your new address for ${product}`,
    body: [
      `Somebody, probably you, wants to use this address for the account with ${product} whose username is ${username}.`,
      `If that is you, follow the link to show that the address is yours. It works for ${count(hours, "hour")}; until then the account keeps its old address.`,
    ],
    action: { label: "Confirm my new address", url },
    closing: "If the account is not yours, leave this mail alone: without the link nothing changes.",
  }),

  email_in_use: ({ product }) => ({
    subject: `Your address already has an account with ${product}`,
    body: [
      `Somebody, perhaps you, tried to use this address for another account with ${product}. It already has an account there, so it can't be used for a second one.`,
      "Nothing has changed.",
    ],
    closing: "If it was not you, there is nothing to do: nobody was told that this address has an account.",
  }),

  email_change_requested: ({ product, newEmail, url, until }) => ({
    subject: `Somebody asked to change your address for ${product}`,
    body: [
      `Somebody, probably you, asked to change the address of your account with ${product} to ${newEmail}. It changes when the new address has been confirmed.`,
      `If it was not you, follow the link: your account keeps this address or gets it back, every device is logged out, and the password opens nothing any more. You then choose a new one. The link works until ${time(until)}.`,
    ],
    action: { label: "Keep this address", url },
    closing: "If it was you, leave the link alone.",
  }),

  email_changed: ({ product, newEmail, url, until }) => ({
    subject: `Your address for ${product} was changed`,
    body: [
      `The address of your account with ${product} is ${newEmail} from now on. This is the last mail to the old one.`,
      `If it was not you, follow the link: your account gets this address back, every device is logged out, and the password opens nothing any more. You then choose a new one. The link works until ${time(until)}.`,
    ],
    action: { label: "Undo the change", url },
    closing: "If it was you, leave the link alone.",
  }),

  account_deleted: ({ product, at }) => ({
    subject: `Your account with ${product} is gone`,
    body: [
      `Your account with ${product} was deleted on ${time(at)}. Every device has been logged out, and your personal data is deleted with it.`,
      "It can't be brought back. You can register this address again at any time.",
    ],
    closing: "If it was not you, tell whoever runs the service.",
  }),
};

export const english: Language = {
  messages,
  withoutButton: "If the button does not work, paste this into your browser:",
};

function deviceDetail(device = UNKNOWN): Detail {
  return { label: "Device", value: device };
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

function time(at: number): string {
  return formatTime(at, "en");
}
