/**
 * The texts of the hosted pages in English. Every other language has the same keys. The Worker fills in `{{…}}`, and
 * the page's script fills in `{…}`.
 */
import type { FaultCode } from "../../../passwords/faults.ts";
import { account } from "./en-account.ts";
import {
  BROKEN,
  CHECK_EMAIL,
  EXPIRED,
  LIMITED_TIME,
  links,
  NOT_YOURS,
  NOTHING_CAME,
  OPEN_IT,
  OTHER_ADDRESS,
  RELOADED,
  VERIFICATION_RESENT,
} from "./en-links.ts";
import { APP_CODE, confirm, enrolment, events, security } from "./en-security.ts";

const EASY_TO_GUESS = "which makes it easy to guess";
const UNRELATED = "Use a few words unrelated to you.";
const UNUSABLE_NAME = "This name contains characters that can't be used.";
const LONG_NAME = "Use 100 characters or fewer.";

/** All texts of the pages in one language. A missing or superfluous text is a type error. */
export type PageWords = typeof english;

export const english = {
  /** The name of the language, in the language itself. */
  language: "English",
  layout: {
    /** The label of the language links. */
    languages: "Language",
    needsScript: {
      heading: "JavaScript is required",
      text: "JavaScript is turned off in your browser. Turn it on and reload this page.",
      comfort: "If you came here from a link in an email, that link still works.",
    },
  },
  fields: {
    email: "Email address",
    username: "Username",
    usernameHint: "3–32 characters: letters (a–z), numbers, dots, hyphens and underscores.",
    password: "Password",
    newPassword: "New password",
    newPasswordHint:
      "At least {{password_min_length}} characters. A few unrelated words are easy to remember and hard to guess.",
    /** Shown if the user chooses no password. */
    withoutPasswordNote:
      "To log in, you'll get a link by email. In your account, you can add a passkey, which is faster.",
    /** The button beside a password, while the password is hidden: its text and its accessible name. */
    show: "Show",
    showPassword: "Show password",
    /** The same button, while the password is visible. */
    hide: "Hide",
    hidePassword: "Hide password",
  },
  /** Messages that any form may show. The scripts read them. */
  forms: {
    emailMissing: "Enter your email address.",
    emailIncomplete: "Enter a full email address, like name@example.com.",
    passwordMissing: "Enter your password.",
    /** For a new account. */
    firstPasswordMissing: "Choose a password.",
    /** For an account that has a password already. */
    newPasswordMissing: "Enter a new password.",
    usernameMissing: "Choose a username.",
    sending: "Sending…",
    tooManyAttempts: "Too many attempts.",
    noAnswer: "We couldn't reach the server. Check your connection.",
    failed: "Something went wrong on our side.",
    /** For a refusal after which another attempt is useless. */
    refused: "This request was refused. Contact support.",
    /** Shown if the user cancels the dialog that asks them to prove again who they are. */
    unconfirmed: "This wasn't done, because you didn't confirm that it's you.",
    challengeFailed: "The security check failed. Please try again.",
    challengeLoading: "The security check is still loading. Try again in a moment.",
    challengeMissing: "Complete the security check above.",
    /** The service requires a challenge, but the operator has configured no site key for the pages. */
    challengeNotShown: "The security check can't be shown here. Request the link from the log-in page instead.",
    challengeNotLoaded: "The security check didn't load. Check your connection and reload the page.",
    tryAgainSoon: "Please try again in a moment.",
    /** `{duration}` is in seconds. */
    tryAgainIn: "Please try again in {duration}.",
    /** `{duration}` is in minutes. `{time}` is a clock time, because the duration is soon out of date. */
    tryAgainAfter: "Please try again in {duration} (after {time}).",
    /** `{duration}` is in hours, rounded. */
    tryAgainMuchLater: "Please try again in about {duration} (after {time}).",
    reference: "Support reference: {id}",
    passwordIsGood: "Good password.",
    /** Messages by the name of the field and the code of the fault in the API's answer. */
    faults: {
      "email.invalid_format": "Enter a valid email address, like name@example.com.",
      "email.too_long": "This email address is too long.",
      "email.unsupported_local_part":
        "Before the @, use only unaccented letters (a–z), numbers and symbols such as . _ - +. The part after it can contain any letters.",
      "email.domain_not_allowed": "Email addresses from this domain aren't accepted. Use a different one.",
      "email.unchanged": "This is already your email address.",
      "username.invalid_format":
        "Use 3–32 letters (a–z), numbers, dots, hyphens or underscores. Start and end with a letter or number.",
      "username.taken": "This username is taken. Choose another.",
      "first_name.invalid": UNUSABLE_NAME,
      "first_name.too_long": LONG_NAME,
      "last_name.invalid": UNUSABLE_NAME,
      "last_name.too_long": LONG_NAME,
      "name.invalid_format": UNUSABLE_NAME,
      "name.too_long": LONG_NAME,
      "phone.invalid_format": "Enter the number with its country code, like +44\u00a020\u00a07946\u00a00000.",
      "password.too_short": "Use at least {{password_min_length}} characters.",
      "password.too_long": "Use {{password_max_length}} characters or fewer.",
      "password.invalid": "The password contains a character that can't be used. Enter it again.",
      "password.contains_email": `Your password contains part of your email address, ${EASY_TO_GUESS}. ${UNRELATED}`,
      "password.contains_username": `Your password contains your username, ${EASY_TO_GUESS}. ${UNRELATED}`,
      "password.contains_product_name": `Your password contains the name of this service, ${EASY_TO_GUESS}. Use a few unrelated words.`,
      "password.too_common": "This password is too common. Use a few unrelated words.",
      "password.breached":
        "This password has appeared in a data breach. Choose another, and change it anywhere else you use it.",
    } satisfies Record<string, string> & Record<`password.${FaultCode}`, string>,
  },
  links,
  account,
  security,
  enrolment,
  confirm,
  events,
  /** The page where operators manage users. */
  console: { heading: "Admin console", place: "Admin", loading: "Loading…" },
  /** The page at the address of the service. */
  home: {
    heading: "Your account",
    text: "Log in here, or create an account.",
    loggedIn: "You're logged in.",
    reference: "API reference",
    /** Only in development. */
    outbox: "Emails that would have been sent",
  },
  /** The page at an address that does not exist. */
  notFound: {
    heading: "Page not found",
    text: "The address may be mistyped, or the link may be out of date. Links in emails work only once.",
  },
  /** After a request for another verification link. */
  resent: { heading: CHECK_EMAIL, text: VERIFICATION_RESENT, note: NOTHING_CAME },
  login: {
    heading: "Log in",
    name: "Email address or username",
    nameMissing: "Enter your email address or username.",
    label: "Log in",
    busyLabel: "Logging in…",
    forgot: "Forgot your password?",
    noAccount: "No account yet?",
    toRegister: "Create one",
    loggedOut: "You're logged out.",
    wrong: "Wrong email, username or password. Try again, or reset your password.",
    disabled: "This account has been disabled. Contact support.",
    factorLost: "We can't check the second factor of this account. Contact support.",
    cookiesRefused:
      "Your browser didn't keep the cookie that keeps you logged in. Allow cookies for this site and try again.",
    passkey: {
      label: "Log in with a passkey",
      busyLabel: "Waiting for your passkey…",
      /** The user canceled, or had no passkey, or took too long: browsers don't say which. */
      unused: "No passkey was used. Try again, or log in another way.",
      wrong: "This passkey wasn't accepted. Try again, or log in another way.",
    },
    /**
     * The second step, after the right password or link, for each kind of proof. `instead` is the label of the button
     * that switches to this kind from another one.
     */
    second: {
      totp: {
        heading: "Enter your code",
        text: "Open your authenticator app. It shows a code with six digits.",
        ...APP_CODE,
        label: "Log in",
        instead: "Use authenticator app",
      },
      passkey: {
        heading: "Use your passkey",
        text: "Your device will ask for your fingerprint, face or PIN.",
        label: "Use passkey",
        instead: "Use passkey",
      },
      email: {
        heading: "Get a code by email",
        text: "We'll email you a code with eight digits.",
        send: "Email me a code",
        sent: "We've sent you an email. Nothing there after a few minutes? Check your spam folder.",
        again: "Send again",
        field: "Eight-digit code",
        invalid: "Enter the eight digits from the email.",
        wrong: "Wrong code. Enter the one from the newest email.",
        label: "Log in",
        instead: "Use code by email",
      },
      recovery_code: {
        heading: "Enter a recovery code",
        text: "Use one of the recovery codes that you saved. Each code works once.",
        field: "Recovery code",
        invalid: "Enter a recovery code. It has at least 8 letters and numbers.",
        wrong: "This recovery code is wrong or was used before. Enter another one.",
        label: "Log in",
        instead: "Use recovery code",
      },
      trust: "Trust this device for {{trusted_device_time}}",
      back: "Back to log in",
      expired: "The login took too long. Enter your password again.",
    },
    /** After the right password or link of a user who must have a second factor, but has none. */
    setup: {
      heading: "Set up a second factor",
      text: "You need one to log in. Add an authenticator app or a passkey.",
    },
    byEmail: {
      offer: "Email me a login link",
      heading: "Log in by email",
      text: "We'll email you a link that logs you in.",
      label: "Send link",
      sent: {
        heading: CHECK_EMAIL,
        text: "If there's an account for this address, we've sent a link to it. It works for 10 minutes.",
        code: "If you open the link in another browser or on another device, enter this code there:",
        note: NOTHING_CAME,
      },
    },
    unverified: {
      heading: "Verify your email address",
      text: "Before you can log in, open the link in the email we sent when you registered. Can't find it? We'll send a new one.",
      label: "Send new link",
    },
  },
  logout: {
    heading: "Log out?",
    text: "To use your account on this device again, you'll have to log in.",
    done: { heading: "You're logged out", text: "You can close this page, or log in again." },
  },
  /** The page that an emailed link to log in opens. */
  emailLogin: {
    ready: {
      heading: "Log in",
      text: "You'll be logged in on this device.",
      label: "Log in",
      note: NOT_YOURS,
    },
    code: {
      heading: "Enter the code",
      text: "You asked for this link in another browser or on another device. Enter the code that's shown there.",
      field: "Code",
      invalid: "Enter the eight letters of the code.",
      wrong: "Wrong code. Enter the one that's shown where you asked for this link.",
      label: "Log in",
      note: "If you didn't ask for this link, or someone sent you the code, close this page.",
    },
    invalid: {
      heading: BROKEN,
      text: "It may be incomplete, or it was used already. Get a new one on the log-in page.",
    },
    expired: { heading: EXPIRED, text: `${LIMITED_TIME} Get a new one on the log-in page.` },
    missing: {
      heading: OPEN_IT,
      text: `Open this page from the link in the email, or get a new one on the log-in page. ${RELOADED}`,
    },
  },
  register: {
    heading: "Create an account",
    text: "We'll email you a link to verify your address.",
    label: "Create account",
    busyLabel: "Creating account…",
    haveAccount: "Already have an account?",
    toLogin: "Log in",
    /** Only if users can log in by email. */
    without: "Register without a password",
    sent: {
      heading: CHECK_EMAIL,
      to: "We've sent an email to {email}.",
      text: "Open the link in it to verify your address, then log in.",
      note: NOTHING_CAME,
      resend: "Resend email",
      resent: "Email sent.",
      again: OTHER_ADDRESS,
    },
    invitation: {
      heading: "Registration is by invitation only",
      text: "Ask an administrator for an invitation. You'll get a link by email.",
    },
    closed: {
      heading: "Registration is closed",
      text: "New accounts aren't being accepted right now. If you already have one, you can log in.",
    },
  },
};
