/**
 * The words of the pages behind mailed links, by path. `act` is the operation that spends the link; `passwordField` is
 * what that operation calls the password, where the page asks for one. `resend` is the operation that mails another
 * link. `views` are what the page can show: `offers` names the form in a view, either of the two; `again` is the label
 * of a button that leads to the second.
 */
const LIMITED_TIME = "Links work for a limited time only, to keep your account safe.";
const OTHER_WAY_BACK =
  "If your account still has its old address, choosing a new password helps too: it logs out every device, and stops a change that waits to be confirmed. Ask for a link for that here.";

const expired = {
  heading: "This link has expired",
  text: `${LIMITED_TIME} Ask for a new one here.`,
  offers: "resend",
};
const again = { heading: "Ask for a new link", offers: "resend" };

/** @param {string} text */
function resent(text) {
  return {
    heading: "Check your mail",
    text,
    note: "Nothing after a few minutes? See whether it went to spam, and whether the address is right.",
    again: "Use another address",
  };
}

export const LINK_PAGES = {
  "/verify-email": {
    act: { operation: "/api/v1/auth/verify-email", label: "Verify my address", busyLabel: "Verifying…" },
    resend: { operation: "/api/v1/auth/resend-verification" },
    views: {
      ready: {
        heading: "Verify your email address",
        text: "One click confirms that this address is yours. Then you can log in.",
        note: "You did not open an account? Close this page: without your click, nothing happens.",
        offers: "act",
      },
      done: { heading: "Your address is verified", text: "You can close this page and log in." },
      invalid: {
        heading: "This link does not work",
        text: "Part of it may be missing, or a newer link has taken its place. Look for the latest mail, or ask for a new link here.",
        offers: "resend",
      },
      expired,
      missing: {
        heading: "Open the link from your mail",
        text: "This page works only through the link in your verification mail, and a reload loses it. Open that link again, or ask for a new one here.",
        offers: "resend",
      },
      resent: resent("If this address has an account that waits to be verified, a new link is on its way."),
      again,
    },
  },

  "/reset-password": {
    act: {
      operation: "/api/v1/auth/reset-password",
      passwordField: "new_password",
      label: "Set my password",
      busyLabel: "Setting your password…",
    },
    resend: { operation: "/api/v1/auth/forgot-password" },
    views: {
      ready: {
        heading: "Choose a new password",
        text: "It takes the place of the old one, and logs out every device.",
        note: "You did not ask for this? Close this page: your password stays as it is.",
        offers: "act",
      },
      done: {
        heading: "Your password is set",
        text: "Every device has been logged out. You can close this page and log in.",
      },
      invalid: {
        heading: "This link does not work",
        text: "Part of it may be missing, it may have been used already, or a newer link has taken its place. Look for the latest mail, or ask for a new link here.",
        note: "You set a password with it a moment ago? Try to log in with that one first.",
        offers: "resend",
      },
      expired,
      missing: {
        heading: "Forgot your password?",
        text: "Enter the address of your account. A link to choose a new password comes by mail.",
        note: "You have such a link? Open it again from your mail: this page was opened without one, or a reload has lost it.",
        offers: "resend",
      },
      resent: resent("If this address has an account, a link is on its way."),
      again,
    },
  },

  "/accept-invitation": {
    act: {
      operation: "/api/v1/auth/accept-invitation",
      opensAccount: true,
      passwordField: "password",
      label: "Open my account",
      busyLabel: "Opening your account…",
    },
    views: {
      ready: {
        heading: "Open your account",
        text: "You are invited. Choose a username and a password to log in with.",
        note: "You do not know what this is about? Close this page: without your click, nothing happens.",
        offers: "act",
      },
      done: { heading: "Your account is open", text: "You can close this page and log in." },
      invalid: {
        heading: "This link does not work",
        text: "Part of it may be missing. Open it again from the invitation in your mail.",
        note: "It still does not work? Ask whoever invited you for another invitation.",
      },
      expired: {
        heading: "This link has expired",
        text: `${LIMITED_TIME} Ask whoever invited you for another invitation.`,
      },
      used: {
        heading: "You have an account already",
        text: "This invitation has been used, or your address has an account by another way. You can close this page and log in.",
        note: "You do not know the password? Ask for a new one where you log in.",
      },
      closed: {
        heading: "Registration is closed",
        text: "Nobody can open an account here at the moment, invited or not. Ask whoever invited you.",
      },
      missing: {
        heading: "Open the link from your mail",
        text: "This page works only through the link in your invitation, and a reload loses it. Open that link again.",
        note: "You do not find it? Ask whoever invited you for another invitation.",
      },
    },
  },

  "/confirm-email": {
    act: { operation: "/api/v1/auth/confirm-email", label: "Confirm my new address", busyLabel: "Confirming…" },
    views: {
      ready: {
        heading: "Confirm your new email address",
        text: "One click makes the address that got this link your account's address. From then on you log in with it.",
        note: "You did not ask for this? Close this page: without your click, nothing happens.",
        offers: "act",
      },
      done: {
        heading: "Your new address is confirmed",
        text: "It is your account's address from now on. Your devices stay logged in, and you can close this page.",
        note: "Your old address gets a notice, by which it can undo the change for a while.",
      },
      invalid: {
        heading: "This link does not work",
        text: "Part of it may be missing, or something newer has taken its place: a later request, a new password, or the change was undone.",
        note: "Look for the latest mail, or log in and ask for the change again.",
      },
      expired: {
        heading: "This link has expired",
        text: `${LIMITED_TIME} Your address stays as it was: log in and ask for the change again.`,
      },
      taken: {
        heading: "This address is taken",
        text: "Another account has it by now, so your address stays as it was. Log in and choose another one.",
        note: "That account is yours too? Delete it, then open the link from your mail again.",
      },
      missing: {
        heading: "Open the link from your mail",
        text: "This page works only through the link in the mail to your new address, and a reload loses it. Open that link again.",
        note: "You do not find it? Log in and ask for the change again.",
      },
    },
  },

  "/undo-email-change": {
    act: { operation: "/api/v1/auth/undo-email-change", label: "Undo the change", busyLabel: "Undoing the change…" },
    resend: { operation: "/api/v1/auth/forgot-password" },
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
        offers: "act",
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
        heading: "This link does not work",
        text: "Part of it may be missing, or something newer has taken its place. Look for the latest mail about the change.",
        note: OTHER_WAY_BACK,
        offers: "resend",
      },
      expired: {
        heading: "This link has expired",
        text: "A change of address can be undone for a limited time only. If somebody else has changed yours, tell whoever runs the service.",
        note: "You can still log in with your old address? Then it was never changed.",
      },
      taken: {
        heading: "Your old address is taken",
        text: "Another account has it by now, so the change cannot be undone.",
        note: "That account is yours too? Delete it, then open the link from your mail again.",
      },
      missing: {
        heading: "Open the link from your mail",
        text: "This page works only through the link in the mail to your old address, and a reload loses it. Open that link again.",
        note: OTHER_WAY_BACK,
        offers: "resend",
      },
      resent: resent("If an account has this address, a link to choose a new password is on its way."),
      again,
    },
  },
};
