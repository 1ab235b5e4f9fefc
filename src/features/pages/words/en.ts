/** The pages in English. */
import type { PageWords } from "../words.ts";
import { account } from "./en-account.ts";
import { links, NOTHING_CAME } from "./en-links.ts";

const UNRELATED = "Take a few words that have nothing to do with you.";

export const english: PageWords = {
  language: "English",
  layout: {
    languages: "Language",
    needsScript: {
      heading: "This page needs JavaScript",
      text: "It is turned off in your browser. Turn it on for this page, then open it again.",
      comfort: "Came here by a link from your mail? It is still good: nothing has used it.",
    },
  },
  fields: {
    email: "Email address",
    username: "Username",
    usernameHint: "3 to 32 letters from a to z, digits, dots, hyphens or underscores.",
    password: "Password",
    newPassword: "New password",
    newPasswordHint: "At least {{password_min_length}} characters; a few words in a row are easy to remember.",
    show: "Show",
    showPassword: "Show password",
  },
  forms: {
    emailMissing: "Enter your email address.",
    emailIncomplete: "Enter a whole address, like name@example.org.",
    passwordMissing: "Enter your password.",
    newPasswordMissing: "Enter a new password.",
    usernameMissing: "Choose a username.",
    sending: "Sending…",
    tooManyAttempts: "Too many attempts.",
    noAnswer: "No answer came: check your connection.",
    failed: "Our service failed for a moment.",
    refused: "Our service refused this. Ask whoever runs it.",
    challengeFailed: "The check that keeps robots away did not let you through. Try again.",
    challengeLoading: "The check that keeps robots away is still loading. Try again in a moment.",
    challengeMissing: "Wait for the check above, which keeps robots away, or solve what it asks.",
    challengeNotShown:
      "This page cannot show the challenge that keeps robots away. Ask for the link where you usually log in.",
    challengeNotLoaded: "The check that keeps robots away did not load. Check your connection, then reload this page.",
    tryAgainSoon: "Please try again in a moment.",
    tryAgainIn: "Please try again in {duration}.",
    tryAgainAfter: "Please try again in {duration}, after {time}.",
    tryAgainMuchLater: "Please try again in about {duration}, after {time}.",
    reference: "Reference for support: {id}",
    passwordIsGood: "You can use this password.",
    faults: {
      "email.invalid_format": "This is not an email address. It looks like name@example.org.",
      "email.too_long": "This address is too long. Check it for a slip.",
      "email.domain_not_allowed": "Addresses of this domain are not accepted here. Use one of another domain.",
      "email.unchanged": "This is your address already.",
      "username.invalid_format":
        "A username has 3 to 32 letters (a to z), digits, dots, hyphens or underscores, and begins and ends with a letter or a digit.",
      "username.taken": "Somebody else has this username. Choose another.",
      "first_name.invalid": "A name holds no control characters. Type it anew.",
      "first_name.too_long": "A name has at most 100 characters.",
      "last_name.invalid": "A name holds no control characters. Type it anew.",
      "last_name.too_long": "A name has at most 100 characters.",
      "phone.invalid_format": "A phone number begins with + and the country code, like +441234567890.",
      "password.too_short": "A password has at least {{password_min_length}} characters.",
      "password.too_long":
        "A password has at most {{password_max_length}} characters. A few words in a row are long enough.",
      "password.invalid": "The password holds half a character. Type it anew.",
      "password.contains_email": `The password contains the name in your email address, which others try first. ${UNRELATED}`,
      "password.contains_username": `The password contains your username, which others try first. ${UNRELATED}`,
      "password.contains_product_name":
        "The password contains the name of this service, which others try first. Take a few words that have nothing to do with it.",
      "password.too_common":
        "This is one of the most common passwords, which others try first. Take a few words that nobody else would put in a row.",
      "password.breached":
        "This password has leaked from another service, so it is on the lists that thieves try. Choose another one, and change it wherever else you use it.",
    },
  },
  links,
  account,
  resent: {
    heading: "Check your mail",
    text: "If this address has an account that waits to be verified, a new link is on its way.",
    note: NOTHING_CAME,
  },
  login: {
    heading: "Log in",
    name: "Email address or username",
    nameMissing: "Enter your email address or your username.",
    label: "Log in",
    busyLabel: "Logging in…",
    forgot: "Forgot your password?",
    noAccount: "No account yet?",
    toRegister: "Open one",
    wrong: "The name or the password is wrong. Check both for a slip, or choose a new password by mail.",
    disabled: "This account has been disabled. Ask whoever runs the service.",
    unverified: {
      heading: "Verify your address first",
      text: "Your password is right, but your address is not verified yet. Follow the link in the mail that you got when you registered, or ask for a new one here.",
      label: "Send me a new link",
    },
  },
  register: {
    heading: "Open an account",
    text: "A link comes by mail, to show that the address is yours.",
    label: "Open my account",
    busyLabel: "Opening your account…",
    haveAccount: "You have an account already?",
    toLogin: "Log in",
    sent: {
      heading: "Check your mail",
      to: "A mail is on its way to",
      text: "Follow the link in it to verify your address. Then you can log in.",
      note: NOTHING_CAME,
      resend: "Send it again",
      resent: "Sent again.",
      again: "Use another address",
    },
    invitation: {
      heading: "Accounts are by invitation",
      text: "Ask whoever runs the place to invite you: the link to open an account comes by mail.",
    },
    closed: {
      heading: "Registration is closed",
      text: "Nobody can open an account here at the moment. Whoever has one can log in.",
    },
  },
};
