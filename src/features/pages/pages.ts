/** Which pages there are, by their path, and how each is described. Each is built ahead in every language. */
export const PAGES = {
  "verify-email": {
    id: "readVerifyEmailPage",
    summary: "The page behind a verification link",
    description: "Reads the token from the URL's fragment and spends it when a person asks for it.",
  },
  "reset-password": {
    id: "readResetPasswordPage",
    summary: "The page behind a reset link",
    description: "Reads the token from the URL's fragment, and asks for the new password. Without one it mails a link.",
  },
  "confirm-email": {
    id: "readConfirmEmailPage",
    summary: "The page behind a new address's link",
    description: "Reads the token from the URL's fragment and spends it when a person asks for it.",
  },
  "undo-email-change": {
    id: "readUndoEmailChangePage",
    summary: "The page behind an old address's link",
    description:
      "Reads the token from the URL's fragment, says what undoing entails, and spends it when a person asks for it.",
  },
  "accept-invitation": {
    id: "readAcceptInvitationPage",
    summary: "The page behind an invitation",
    description: "Reads token and address from the URL's fragment, and asks for a username and a password.",
  },
  login: {
    id: "readLoginPage",
    summary: "The page to log in on",
    description:
      "Opens a session in cookie mode, then goes to `return_to`, where that is a path of this service, or to the account.",
  },
  register: {
    id: "readRegisterPage",
    summary: "The page to register on",
    description: "Says so where nobody may register, or only who is invited.",
  },
  account: {
    id: "readAccountPage",
    summary: "The page of one's own account",
    description: "Profile, address, password, sessions, export and deletion. Who is not logged in is sent to log in.",
  },
} as const;

export type PageName = keyof typeof PAGES;

/** The pages whose forms are guarded by a challenge, where the operator has one. */
export const CHALLENGED: readonly PageName[] = ["login", "register", "reset-password", "undo-email-change"];

/** Where the build puts a page, and the Worker finds it among the assets. */
export function pagePath(name: PageName, locale: string): string {
  return `/pages/${locale}/${name}.html`;
}

/** What the build leaves open in a page, because it is the operator's to say. */
export const PLACEHOLDERS = {
  product: "{{product}}",
  passwordMinimum: "{{password_min_length}}",
  passwordMaximum: "{{password_max_length}}",
  registration: "{{registration}}",
  turnstileSiteKey: "{{turnstile_site_key}}",
} as const;
