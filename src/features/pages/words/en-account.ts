/** The account page in English. */
export const account = {
  heading: "Your account",
  loggedInAs: "Logged in as",
  logOut: "Log out",
  loggingOut: "Logging out…",
  loading: "Loading your account…",
  /** The script shows the reason below the heading: one of the texts in `forms`. */
  failed: {
    heading: "We couldn't load your account",
    label: "Try again",
  },
  wrongPassword: "That's not your current password.",
  currentPassword: "Current password",
  cancel: "Cancel",
  profile: {
    heading: "Profile",
    firstName: "First name (optional)",
    lastName: "Last name (optional)",
    phone: "Phone number (optional)",
    phoneHint: "Include the country code, like +44\u00a020\u00a07946\u00a00000.",
    label: "Save",
    busyLabel: "Saving…",
    saved: "Saved.",
    changedMeanwhile:
      "Your profile was changed somewhere else. We've loaded the latest version; please make your changes again.",
  },
  address: {
    heading: "Email address",
    current: "Current:",
    next: "New email address",
    label: "Change email address",
    sent: "We've sent an email to {email}. Open the link in it to finish the change.",
  },
  password: {
    heading: "Password",
    text: "Changing your password logs you out on all other devices.",
    label: "Change password",
    busyLabel: "Changing…",
    changed: "Password changed. You've been logged out on all other devices.",
    /** For an account without a password. */
    first: {
      text: "Your account has no password. Setting one logs you out on all other devices.",
      label: "Set password",
      done: "Password set. You've been logged out on all other devices.",
    },
  },
  devices: {
    heading: "Where you're logged in",
    text: "Don't recognize a device? Log it out and change your password.",
    current: "This device",
    named: "{browser} on {system}",
    unknown: "Unknown device",
    lastUsed: "Last used {time}",
    end: "Log out",
    /** The accessible name of the button. */
    endNamed: "Log out {device}",
    ending: "Logging out…",
    ended: "{device} has been logged out.",
    others: {
      open: "Log out other devices",
      heading: "Log out all other devices?",
      text: "You'll stay logged in on this device only.",
      label: "Log out",
      done: "All other devices have been logged out.",
    },
  },
  data: {
    heading: "Your data",
    text: "Download everything we store about you as a JSON file.",
    label: "Download data",
    busyLabel: "Preparing…",
    done: "Your data has been downloaded.",
  },
  deletion: {
    heading: "Delete account",
    text: "Permanently delete your account and all your personal data.",
    open: "Delete account…",
    question: "Delete your account?",
    warning: "This can't be undone. You'll be logged out everywhere, and no one can use your username for a while.",
    label: "Delete account",
    busyLabel: "Deleting…",
    lastSuperuser: "You're the only superuser. Make someone else a superuser first.",
    done: {
      heading: "Account deleted",
      text: "Your personal data has been deleted. We've sent you a confirmation email.",
    },
  },
};
