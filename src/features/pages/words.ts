/**
 * The words of the pages: what there is to say, which the files in `words/` say in each language. The build alone
 * reads them; the Worker serves what it made of them. `{{…}}` is filled in by the Worker, `{…}` by a page's script.
 */
import type { Locale } from "../../config/languages.ts";
import type { FaultCode } from "../../passwords/faults.ts";
import type { LinkPageName, ViewName } from "./link-pages.ts";
import { german } from "./words/de.ts";
import { english } from "./words/en.ts";

/** All words of the pages in one language. What a language lacks is a type error. */
export interface PageWords {
  /** The language's own name. */
  language: string;
  layout: {
    /** Names the choice of languages. */
    languages: string;
    needsScript: { heading: string; text: string; comfort: string };
  };
  fields: FieldWords;
  forms: FormWords;
  links: LinkWords;
  login: LoginWords;
  register: RegisterWords;
  account: AccountWords;
  /** After asking for a link, wherever that was. */
  resent: { heading: string; text: string; note: string };
}

export interface FieldWords {
  email: string;
  username: string;
  usernameHint: string;
  password: string;
  newPassword: string;
  newPasswordHint: string;
  /** On the button that makes a password readable, and what it is called in full. */
  show: string;
  showPassword: string;
}

/** What any form may have to say. A form's script reads them. */
export interface FormWords {
  emailMissing: string;
  emailIncomplete: string;
  passwordMissing: string;
  newPasswordMissing: string;
  usernameMissing: string;
  sending: string;
  tooManyAttempts: string;
  noAnswer: string;
  failed: string;
  /** Where another attempt would fare no better. */
  refused: string;
  challengeFailed: string;
  challengeLoading: string;
  challengeMissing: string;
  /** Where the service asks for a challenge that the operator has given these pages no key for. */
  challengeNotShown: string;
  challengeNotLoaded: string;
  tryAgainSoon: string;
  /** `{duration}` is seconds. */
  tryAgainIn: string;
  /** `{duration}` is minutes; `{time}` is the clock's, since a duration grows stale. */
  tryAgainAfter: string;
  /** `{duration}` is hours, rounded. */
  tryAgainMuchLater: string;
  reference: string;
  passwordIsGood: string;
  /** By the API's field and code. */
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

/** What a page shows at one moment. */
export interface ViewWords {
  heading: string;
  text?: string;
  points?: readonly string[];
  note?: string;
  /** On a button that leads to the form for another link. */
  again?: string;
}

export type LinkWords = {
  readonly [Page in LinkPageName]: {
    label: string;
    busyLabel: string;
    views: { readonly [View in ViewName<Page>]: ViewWords };
  };
} & { readonly resend: string; readonly kept: string; readonly toLogin: string; readonly toAccount: string };

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
  sent: { heading: string; to: string; text: string; note: string; resend: string; resent: string; again: string };
  invitation: { heading: string; text: string };
  closed: { heading: string; text: string };
}

export interface AccountWords {
  heading: string;
  loggedInAs: string;
  logOut: string;
  loggingOut: string;
  loading: string;
  /** What failed, a form's words say. */
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
    /** `{device}`: what a button says in full. */
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

export const PAGE_WORDS: Record<Locale, PageWords> = { en: english, de: german };
