/**
 * The texts of the hosted pages; `words/` has them in each language. Only the build reads them: the Worker serves the
 * pages that were built. The Worker fills in `{{…}}`, a page's script fills in `{…}`.
 */
import type { FaultCode } from "../../passwords/faults.ts";
import type { LinkPageName, ResendingPage, ViewName } from "./link-pages.ts";

/** All texts of the pages in one language. A missing text is a type error. */
export interface PageWords {
  /** The language's name for itself. */
  language: string;
  layout: {
    /** The label of the language links. */
    languages: string;
    needsScript: { heading: string; text: string; comfort: string };
  };
  fields: FieldWords;
  forms: FormWords;
  links: LinkWords;
  login: LoginWords;
  register: RegisterWords;
  account: AccountWords;
  /** After a request for another verification link. */
  resent: { heading: string; text: string; note: string };
}

export interface FieldWords {
  email: string;
  username: string;
  usernameHint: string;
  password: string;
  newPassword: string;
  newPasswordHint: string;
  /** The button beside a password, while the password is hidden: its text and its accessible name. */
  show: string;
  showPassword: string;
  /** The same, while the password can be read. */
  hide: string;
  hidePassword: string;
}

/** Messages that any form may show. The scripts read them. */
export interface FormWords {
  emailMissing: string;
  emailIncomplete: string;
  passwordMissing: string;
  /** For a new account. */
  firstPasswordMissing: string;
  /** For an account that has a password already. */
  newPasswordMissing: string;
  usernameMissing: string;
  sending: string;
  tooManyAttempts: string;
  noAnswer: string;
  failed: string;
  /** For a refusal that another attempt would not change. */
  refused: string;
  challengeFailed: string;
  challengeLoading: string;
  challengeMissing: string;
  /** The service requires a challenge, but the operator has configured no site key for the pages. */
  challengeNotShown: string;
  challengeNotLoaded: string;
  tryAgainSoon: string;
  /** `{duration}` is in seconds. */
  tryAgainIn: string;
  /** `{duration}` is in minutes. `{time}` is a clock time, because the duration is soon out of date. */
  tryAgainAfter: string;
  /** `{duration}` is in hours, rounded. */
  tryAgainMuchLater: string;
  reference: string;
  passwordIsGood: string;
  /** By the API's field and error code. */
  faults: Record<`password.${FaultCode}` | FieldFault, string>;
}

type FieldFault =
  | "email.invalid_format"
  | "email.too_long"
  | "email.domain_not_allowed"
  | "email.unchanged"
  | "username.invalid_format"
  | "username.taken"
  | "first_name.invalid"
  | "first_name.too_long"
  | "last_name.invalid"
  | "last_name.too_long"
  | "phone.invalid_format";

/** What a page shows at one time. */
export interface ViewWords {
  heading: string;
  text?: string;
  points?: readonly string[];
  note?: string;
  /** The label of a button that opens the form for another link. */
  again?: string;
}

export type LinkWords = {
  readonly [Page in LinkPageName]: {
    label: string;
    busyLabel: string;
    views: { readonly [View in ViewName<Page>]: ViewWords };
  } & (Page extends ResendingPage ? { resend: string } : object);
} & { readonly kept: string; readonly toLogin: string; readonly toAccount: string };

export interface LoginWords {
  heading: string;
  name: string;
  nameMissing: string;
  label: string;
  busyLabel: string;
  forgot: string;
  noAccount: string;
  toRegister: string;
  wrong: string;
  disabled: string;
  unverified: { heading: string; text: string; label: string };
}

export interface RegisterWords {
  heading: string;
  text: string;
  label: string;
  busyLabel: string;
  haveAccount: string;
  toLogin: string;
  sent: {
    heading: string;
    /** `{email}` is the address. */
    to: string;
    text: string;
    note: string;
    resend: string;
    resent: string;
    again: string;
  };
  invitation: { heading: string; text: string };
  closed: { heading: string; text: string };
}

export interface AccountWords {
  heading: string;
  loggedInAs: string;
  logOut: string;
  loggingOut: string;
  loading: string;
  /** The reason comes from the words of the forms. */
  failed: { heading: string; label: string };
  wrongPassword: string;
  currentPassword: string;
  cancel: string;
  profile: {
    heading: string;
    firstName: string;
    lastName: string;
    phone: string;
    phoneHint: string;
    label: string;
    busyLabel: string;
    saved: string;
    changedMeanwhile: string;
  };
  address: {
    heading: string;
    current: string;
    next: string;
    label: string;
    /** `{email}` is the new address. */
    sent: string;
  };
  password: { heading: string; text: string; label: string; busyLabel: string; changed: string };
  devices: {
    heading: string;
    text: string;
    current: string;
    /** `{browser}` and `{system}`. */
    named: string;
    unknown: string;
    /** `{time}`. */
    lastUsed: string;
    end: string;
    /** The accessible name of the button; `{device}`. */
    endNamed: string;
    ending: string;
    /** `{device}`. */
    ended: string;
    others: { open: string; heading: string; text: string; label: string; done: string };
  };
  data: { heading: string; text: string; label: string; busyLabel: string; done: string };
  deletion: {
    heading: string;
    text: string;
    open: string;
    question: string;
    warning: string;
    label: string;
    busyLabel: string;
    lastSuperuser: string;
    done: { heading: string; text: string };
  };
}
