/** The pages that links in emails open: the API operations that they call, and their views. `words/` has the texts. */

/** What a view offers below its text: one of the two forms, or a link to another page. */
type Offer = "act" | "resend" | "login" | "account" | "nothing";

export interface LinkPage {
  /** The API operation that uses the link. */
  operation: string;
  /** The name of the password in that operation's body, if the page asks for one. */
  passwordField?: "password" | "new_password";
  opensAccount?: true;
  /** Whether the user may leave out the password, if users can log in by email. */
  passwordIsOptional?: true;
  /** The API operation that emails another link. */
  resend?: string;
  /** Every view of the page, and what it offers. */
  offers: Record<string, Offer>;
}

/** The views for a link that the user can request again. After the link is used, the page leads to the log-in page. */
const NEW_LINK_UNTIL_USED = {
  ready: "act",
  done: "login",
  invalid: "resend",
  expired: "resend",
  missing: "resend",
  resent: "nothing",
  again: "resend",
} as const;

export const LINK_PAGES = {
  "verify-email": {
    operation: "/api/v1/auth/verify-email",
    resend: "/api/v1/auth/resend-verification",
    // `doneByEmail` is for a user without a password, who logs in by email.
    offers: { ...NEW_LINK_UNTIL_USED, doneByEmail: "login" },
  },
  "reset-password": {
    operation: "/api/v1/auth/reset-password",
    passwordField: "new_password",
    resend: "/api/v1/auth/forgot-password",
    offers: NEW_LINK_UNTIL_USED,
  },
  "accept-invitation": {
    operation: "/api/v1/auth/accept-invitation",
    opensAccount: true,
    passwordField: "password",
    passwordIsOptional: true,
    offers: {
      ready: "act",
      done: "login",
      doneByEmail: "login",
      invalid: "nothing",
      expired: "nothing",
      used: "login",
      closed: "nothing",
      missing: "nothing",
    },
  },
  "confirm-email": {
    operation: "/api/v1/auth/confirm-email",
    offers: {
      ready: "act",
      done: "account",
      invalid: "account",
      expired: "account",
      taken: "account",
      missing: "account",
    },
  },
  "undo-email-change": {
    operation: "/api/v1/auth/undo-email-change",
    resend: "/api/v1/auth/forgot-password",
    offers: {
      ready: "act",
      done: "nothing",
      invalid: "resend",
      expired: "nothing",
      taken: "nothing",
      missing: "resend",
      resent: "nothing",
      again: "resend",
    },
  },
} as const satisfies Record<string, LinkPage>;

export type LinkPageName = keyof typeof LINK_PAGES;

/** The texts of one view. A page shows one view at a time. */
export interface ViewWords {
  heading: string;
  text?: string;
  points?: readonly string[];
  note?: string;
  /** The label of a button that opens the form for another link. */
  again?: string;
}

/** The texts that these pages need in every language. */
export type LinkWords = {
  readonly [Page in LinkPageName]: {
    label: string;
    busyLabel: string;
    views: { readonly [View in keyof (typeof LINK_PAGES)[Page]["offers"]]: ViewWords };
  } & ((typeof LINK_PAGES)[Page] extends { resend: string } ? { resend: string } : object) &
    ((typeof LINK_PAGES)[Page] extends { passwordIsOptional: true } ? { without: string } : object);
} & { readonly kept: string; readonly toLogin: string; readonly toAccount: string };
