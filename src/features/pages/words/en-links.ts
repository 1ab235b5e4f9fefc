/** The pages behind mailed links, in English. */
import type { LinkWords } from "../words.ts";

const EXPIRED = "This link has expired";
const BROKEN = "This link does not work";
const OPEN_IT = "Open the link from your mail";
const LIMITED_TIME = "Links work for a limited time only, to keep your account safe.";
/** Where a mail is waited for. */
export const NOTHING_CAME =
  "Nothing after a few minutes? See whether it went to spam, and whether the address is right.";
const OTHER_WAY_BACK =
  "If your account still has its old address, choosing a new password helps too: it logs out every device, and stops a change that waits to be confirmed. Ask for a link for that here.";

const expired = { heading: EXPIRED, text: `${LIMITED_TIME} Ask for a new one here.` };
const again = { heading: "Ask for a new link" };
const resent = (text: string) => ({
  heading: "Check your mail",
  text,
  note: NOTHING_CAME,
  again: "Use another address",
});

export const links: LinkWords = {
  resend: "Send me a new link",
  kept: "Your link is kept.",
  toLogin: "Log in",
  toAccount: "Go to your account",

  "verify-email": {
    label: "Verify my address",
    busyLabel: "Verifying…",
    views: {
      ready: {
        heading: "Verify your email address",
        text: "One click confirms that this address is yours. Then you can log in.",
        note: "You did not open an account? Close this page: without your click, nothing happens.",
      },
      done: { heading: "Your address is verified", text: "Your account is ready, and you can log in." },
      invalid: {
        heading: BROKEN,
        text: "Part of it may be missing, or a newer link has taken its place. Look for the latest mail, or ask for a new link here.",
      },
      expired,
      missing: {
        heading: OPEN_IT,
        text: "This page works only through the link in your verification mail, and a reload loses it. Open that link again, or ask for a new one here.",
      },
      resent: resent("If this address has an account that waits to be verified, a new link is on its way."),
      again,
    },
  },

  "reset-password": {
    label: "Set my password",
    busyLabel: "Setting your password…",
    views: {
      ready: {
        heading: "Choose a new password",
        text: "It takes the place of the old one, and logs out every device.",
        note: "You did not ask for this? Close this page: your password stays as it is.",
      },
      done: { heading: "Your password is set", text: "Every device has been logged out. Log in with it now." },
      invalid: {
        heading: BROKEN,
        text: "Part of it may be missing, it may have been used already, or a newer link has taken its place. Look for the latest mail, or ask for a new link here.",
        note: "You set a password with it a moment ago? Try to log in with that one first.",
      },
      expired,
      missing: {
        heading: "Forgot your password?",
        text: "Enter the address of your account. A link to choose a new password comes by mail.",
        note: "You have such a link? Open it again from your mail: this page was opened without one, or a reload has lost it.",
      },
      resent: resent("If this address has an account, a link is on its way."),
      again,
    },
  },

  "accept-invitation": {
    label: "Open my account",
    busyLabel: "Opening your account…",
    views: {
      ready: {
        heading: "Open your account",
        text: "You are invited. Choose a username and a password to log in with.",
        note: "You do not know what this is about? Close this page: without your click, nothing happens.",
      },
      done: { heading: "Your account is open", text: "Log in with the name and the password that you chose." },
      invalid: {
        heading: BROKEN,
        text: "Part of it may be missing. Open it again from the invitation in your mail.",
        note: "It still does not work? Ask whoever invited you for another invitation.",
      },
      expired: { heading: EXPIRED, text: `${LIMITED_TIME} Ask whoever invited you for another invitation.` },
      used: {
        heading: "You have an account already",
        text: "This invitation has been used, or your address has an account by another way. You can log in with it.",
        note: "You do not know the password? Ask for a new one where you log in.",
      },
      closed: {
        heading: "Registration is closed",
        text: "Nobody can open an account here at the moment, invited or not. Ask whoever invited you.",
      },
      missing: {
        heading: OPEN_IT,
        text: "This page works only through the link in your invitation, and a reload loses it. Open that link again.",
        note: "You do not find it? Ask whoever invited you for another invitation.",
      },
    },
  },

  "confirm-email": {
    label: "Confirm my new address",
    busyLabel: "Confirming…",
    views: {
      ready: {
        heading: "Confirm your new email address",
        text: "One click makes the address that got this link your account's address. From then on you log in with it.",
        note: "You did not ask for this? Close this page: without your click, nothing happens.",
      },
      done: {
        heading: "Your new address is confirmed",
        text: "It is your account's address from now on. Your devices stay logged in.",
        note: "Your old address gets a notice, by which it can undo the change for a while.",
      },
      invalid: {
        heading: BROKEN,
        text: "Part of it may be missing, or something newer has taken its place: a later request, a new password, or the change was undone.",
        note: "Look for the latest mail, or ask for the change again in your account.",
      },
      expired: {
        heading: EXPIRED,
        text: `${LIMITED_TIME} Your address stays as it was: ask for the change again in your account.`,
      },
      taken: {
        heading: "This address is taken",
        text: "Another account has it by now, so your address stays as it was. Choose another one in your account.",
        note: "That account is yours too? Delete it, then open the link from your mail again.",
      },
      missing: {
        heading: OPEN_IT,
        text: "This page works only through the link in the mail to your new address, and a reload loses it. Open that link again.",
        note: "You do not find it? Ask for the change again in your account.",
      },
    },
  },

  "undo-email-change": {
    label: "Undo the change",
    busyLabel: "Undoing the change…",
    views: {
      ready: {
        heading: "Undo the change of your address",
        text: "Somebody else changed it, or tried to? One click gives the account back to you:",
        points: [
          "Your account keeps its old address, or gets it back.",
          "Every device is logged out, yours too.",
          "Your password stops working.",
          "A mail to your old address brings a link to choose a new one.",
        ],
        note: "You changed it yourself? Close this page: without your click, nothing happens.",
      },
      done: {
        heading: "The change is undone",
        text: "Now look in your mail for a link to choose a new password, unless you have chosen one already.",
        points: [
          "Your account has its old address.",
          "Every device has been logged out.",
          "The password from before opens nothing any more.",
        ],
        note: "Nothing in your mail after a few minutes? See whether it went to spam, or ask for the link again.",
        again: "Send me another link",
      },
      invalid: {
        heading: BROKEN,
        text: "Part of it may be missing, or something newer has taken its place. Look for the latest mail about the change.",
        note: OTHER_WAY_BACK,
      },
      expired: {
        heading: EXPIRED,
        text: "A change of address can be undone for a limited time only. If somebody else has changed yours, tell whoever runs the service.",
        note: "You can still log in with your old address? Then it was never changed.",
      },
      taken: {
        heading: "Your old address is taken",
        text: "Another account has it by now, so the change cannot be undone.",
        note: "That account is yours too? Delete it, then open the link from your mail again.",
      },
      missing: {
        heading: OPEN_IT,
        text: "This page works only through the link in the mail to your old address, and a reload loses it. Open that link again.",
        note: OTHER_WAY_BACK,
      },
      resent: resent("If an account has this address, a link to choose a new password is on its way."),
      again,
    },
  },
};
