/**
 * What the pages behind mailed links do, in no language. `operation` spends the link; `passwordField` is what it calls
 * the password, where the page asks for one. `resend` mails another link. `offers` lists what a page can show, and
 * what stands below the words of each: one of its two forms, or a way to another page.
 */
export type Offer = "act" | "resend" | "login" | "account" | "nothing";

export interface LinkPage {
  operation: string;
  passwordField?: "password" | "new_password";
  opensAccount?: true;
  resend?: string;
  offers: Record<string, Offer>;
}

export const LINK_PAGES = {
  "verify-email": {
    operation: "/api/v1/auth/verify-email",
    resend: "/api/v1/auth/resend-verification",
    offers: {
      ready: "act",
      done: "login",
      invalid: "resend",
      expired: "resend",
      missing: "resend",
      resent: "nothing",
      again: "resend",
    },
  },
  "reset-password": {
    operation: "/api/v1/auth/reset-password",
    passwordField: "new_password",
    resend: "/api/v1/auth/forgot-password",
    offers: {
      ready: "act",
      done: "login",
      invalid: "resend",
      expired: "resend",
      missing: "resend",
      resent: "nothing",
      again: "resend",
    },
  },
  "accept-invitation": {
    operation: "/api/v1/auth/accept-invitation",
    opensAccount: true,
    passwordField: "password",
    offers: {
      ready: "act",
      done: "login",
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

export type ViewName<Page extends LinkPageName> = keyof (typeof LINK_PAGES)[Page]["offers"];
