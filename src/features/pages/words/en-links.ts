/** The pages that links in emails lead to, in English. */
import type { LinkWords } from "../link-pages.ts";

export const CHECK_EMAIL = "Check your email";
export const NOTHING_CAME = "Nothing after a few minutes? Check your spam folder and make sure the address is right.";
export const OTHER_ADDRESS = "Use a different email address";
export const VERIFICATION_RESENT = "If this email address needs verifying, we've sent a new link.";

export const EXPIRED = "This link has expired";
export const BROKEN = "This link isn't valid";
export const OPEN_IT = "Open the link in your email";
export const LIMITED_TIME = "For your security, links expire after a while.";
export const RELOADED = "(Reloading the page loses the link.)";
export const NOT_YOURS = "If you didn't ask for this, close this page. Nothing will happen.";
const UNEXPECTED = "If you weren't expecting this, close this page. Nothing will happen.";
const TAKEN = "Another account is now using this address";
const TAKEN_BY_YOU = "If that account is also yours, delete it and then open this link again.";
const OTHER_WAY_BACK =
  "If your account still uses your old address, reset your password: that logs out every device and cancels the pending change.";

const LOGIN_BY_EMAIL = "We'll email you a link to log in. Then add a passkey, to log in faster next time.";

const SEND_NEW_LINK = "Send new link";
const SEND_RESET_LINK = "Send reset link";

const expired = { heading: EXPIRED, text: `${LIMITED_TIME} Get a new one below.` };
const again = { heading: "Get a new link" };
const resent = (text: string) => ({ heading: CHECK_EMAIL, text, note: NOTHING_CAME, again: OTHER_ADDRESS });
const resetSent = resent("If there's an account for this address, we've sent a link to it.");

export const links: LinkWords = {
  kept: "Your link still works.",
  toLogin: "Log in",
  toAccount: "Go to your account",

  "verify-email": {
    label: "Verify email address",
    busyLabel: "Verifying…",
    resend: SEND_NEW_LINK,
    views: {
      ready: {
        heading: "Verify your email address",
        text: "Confirm that this address is yours, then log in.",
        note: "If you didn't create an account, close this page. Nothing will happen.",
      },
      done: { heading: "Email address verified", text: "Your account is ready. You can log in now." },
      doneByEmail: {
        heading: "Email address verified",
        text: `Your account is ready. ${LOGIN_BY_EMAIL}`,
      },
      invalid: {
        heading: BROKEN,
        text: "It may be incomplete, or a newer link has replaced it. Use the latest email, or get a new link below.",
      },
      expired,
      missing: {
        heading: OPEN_IT,
        text: `Open this page from the link in your verification email, or get a new link below. ${RELOADED}`,
      },
      resent: resent(VERIFICATION_RESENT),
      again,
    },
  },

  "reset-password": {
    label: "Set new password",
    busyLabel: "Saving…",
    resend: SEND_RESET_LINK,
    views: {
      ready: {
        heading: "Choose a new password",
        text: "This replaces your old password and logs you out on all devices.",
        note: "If you didn't ask for this, close this page. Your password stays the same.",
      },
      done: {
        heading: "Password changed",
        text: "You've been logged out on all devices. Log in with your new password.",
      },
      invalid: {
        heading: BROKEN,
        text: "It may be incomplete or already used, or a newer link has replaced it. Use the latest email, or get a new link below.",
        note: "If you've just set a new password with this link, try logging in with it.",
      },
      expired,
      missing: {
        heading: "Forgot your password?",
        text: "Enter your email address and we'll send you a link to reset your password.",
        note: "Already have a link? Open it again from your email.",
      },
      resent: resetSent,
      again,
    },
  },

  "accept-invitation": {
    label: "Create account",
    busyLabel: "Creating account…",
    without: "Create account without a password",
    views: {
      ready: {
        heading: "Accept your invitation",
        text: "You've been invited. Choose a username and password.",
        note: UNEXPECTED,
      },
      done: { heading: "Your account is ready", text: "Log in with your username and password." },
      doneByEmail: { heading: "Your account is ready", text: LOGIN_BY_EMAIL },
      invalid: {
        heading: BROKEN,
        text: "It may be incomplete. Open it again from your invitation email.",
        note: "Still not working? Ask for a new invitation.",
      },
      expired: { heading: EXPIRED, text: `${LIMITED_TIME} Ask for a new invitation.` },
      used: {
        heading: "You already have an account",
        text: "This invitation has been used, or your email address already has an account. Log in instead.",
        note: "Forgot your password? You can reset it on the log-in page.",
      },
      closed: {
        heading: "Registration is closed",
        text: "New accounts aren't being accepted right now, even with an invitation.",
        note: "Ask the person who invited you.",
      },
      missing: {
        heading: OPEN_IT,
        text: `Open this page from the link in your invitation email. ${RELOADED}`,
        note: "Can't find it? Ask for a new invitation.",
      },
    },
  },

  "confirm-email": {
    label: "Confirm new email address",
    busyLabel: "Confirming…",
    views: {
      ready: {
        heading: "Confirm your new email address",
        text: "Confirm to use this email address for your account. You'll log in with it from now on.",
        note: NOT_YOURS,
      },
      done: {
        heading: "Email address changed",
        text: "You'll log in with it from now on. You stay logged in on your devices.",
        note: "We've also emailed your old address, with a link to undo the change.",
      },
      invalid: {
        heading: BROKEN,
        text: "It may be incomplete. It also stops working if you request another change, set a new password or undo the change.",
        note: "Use the latest email, or request the change again in your account.",
      },
      expired: {
        heading: EXPIRED,
        text: `${LIMITED_TIME} Your email address hasn't changed. Request the change again in your account.`,
      },
      taken: {
        heading: "This email address is taken",
        text: `${TAKEN}, so yours hasn't changed. Choose a different one in your account.`,
        note: TAKEN_BY_YOU,
      },
      missing: {
        heading: OPEN_IT,
        text: `Open this page from the link in the email to your new address. ${RELOADED}`,
        note: "Can't find it? Request the change again in your account.",
      },
    },
  },

  "undo-email-change": {
    label: "Undo change",
    busyLabel: "Undoing…",
    resend: SEND_RESET_LINK,
    views: {
      ready: {
        heading: "Undo your email address change",
        text: "If you didn't make this change, undo it to secure your account:",
        points: [
          "Your account keeps its old email address, or gets it back.",
          "You're logged out everywhere.",
          "Your current password stops working.",
          "We email your old address a link to set a new password.",
        ],
        note: "If you made this change yourself, close this page. Nothing will happen.",
      },
      done: {
        heading: "Change undone",
        text: "Next, check your email for a link to set a new password. If you've already set one, you're done.",
        points: [
          "Your account uses your old email address.",
          "All devices have been logged out.",
          "Your old password no longer works.",
        ],
        note: "Nothing after a few minutes? Check your spam folder, or get another link.",
        again: "Get another link",
      },
      invalid: {
        heading: BROKEN,
        text: "It may be incomplete, or a newer link has replaced it. Use the latest email about the change.",
        note: OTHER_WAY_BACK,
      },
      expired: {
        heading: EXPIRED,
        text: "An email address change can only be undone for a limited time. If you didn't make the change, contact support.",
        note: "If you can still log in with your old address, nothing was changed.",
      },
      taken: {
        heading: "Your old email address is taken",
        text: `${TAKEN}, so the change can't be undone.`,
        note: TAKEN_BY_YOU,
      },
      missing: {
        heading: OPEN_IT,
        text: `Open this page from the link in the email to your old address. ${RELOADED}`,
        note: OTHER_WAY_BACK,
      },
      resent: resetSent,
      again,
    },
  },
};
