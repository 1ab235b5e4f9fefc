/**
 * The pages at paths where a browser gets a page and a program gets JSON: `/`, and paths that don't exist (status 404).
 */
export const PAGES_BESIDE_JSON = ["home", "not-found"] as const;

/** The other pages, by path, with their documentation. The build writes each page in every language. */
export const PAGES = {
  "verify-email": {
    id: "readVerifyEmailPage",
    summary: "Verification page",
    description: "Reads the token from the URL fragment and uses it when the user clicks the button.",
  },
  "reset-password": {
    id: "readResetPasswordPage",
    summary: "Password reset page",
    description:
      "Reads the token from the URL fragment and asks for a new password. Without a token, offers to email a reset link.",
  },
  "confirm-email": {
    id: "readConfirmEmailPage",
    summary: "Page to confirm a new email address",
    description: "Reads the token from the URL fragment and uses it when the user clicks the button.",
  },
  "undo-email-change": {
    id: "readUndoEmailChangePage",
    summary: "Page to undo an email address change",
    description:
      "Reads the token from the URL fragment, explains what the undo does, and uses the token when the user clicks the button.",
  },
  "accept-invitation": {
    id: "readAcceptInvitationPage",
    summary: "Invitation page",
    description: "Reads the token and the email address from the URL fragment and asks for a username and a password.",
  },
  login: {
    id: "readLoginPage",
    summary: "Log-in page",
    description:
      "Logs in with cookie mode, then redirects to `return_to` if it is a path of this service or an address whose origin is in `ALLOWED_ORIGINS`, otherwise to the account page.",
  },
  "email-login": {
    id: "readEmailLoginPage",
    summary: "Page of a link that logs in",
    description:
      "Exists with `EMAIL_LOGIN=on`. Reads the token from the URL fragment and logs in when the user clicks the button. In a browser that did not ask for the link, asks for the code.",
  },
  register: {
    id: "readRegisterPage",
    summary: "Registration page",
    description: "If registration is closed or by invitation only, explains that instead of showing the form.",
  },
  logout: {
    id: "readLogoutPage",
    summary: "Log-out page",
    description:
      "Logs out when the user clicks the button. Then redirects to `return_to`, under the same rules as the log-in page, or says that the user is logged out. Without a session, the page waits for no click.",
  },
  account: {
    id: "readAccountPage",
    summary: "Account page",
    description:
      "Profile, email address, password, second factors, sessions, recent activity, data export and deletion. Redirects to the log-in page without a session.",
  },
} as const;

/** The page of the console. `ADMIN_PATH` sets its path. */
export const CONSOLE_PAGE = {
  name: "console",
  id: "readConsolePage",
  summary: "Admin console",
  description:
    "Exists unless `ADMIN_PATH=off`, at the path that `ADMIN_PATH` names. Contains no data: its script reads everything with the API, as the operator who is logged in.",
} as const;

export type PageName = keyof typeof PAGES | (typeof PAGES_BESIDE_JSON)[number] | typeof CONSOLE_PAGE.name;

/** The pages whose forms show the Turnstile widget, if the operator has enabled Turnstile. */
export const CHALLENGED: readonly PageName[] = ["login", "register", "reset-password", "undo-email-change"];

/** The path of a built page in the assets folder. */
export function pagePath(name: PageName, locale: string): string {
  return `/pages/${locale}/${name}.html`;
}

/** What the Worker fills in when it serves a page: the operator's configuration, and the address to return to. */
export const PLACEHOLDERS = {
  product: "{{product}}",
  passwordMinimum: "{{password_min_length}}",
  passwordMaximum: "{{password_max_length}}",
  registration: "{{registration}}",
  returnTo: "{{return_to}}",
  adminPath: "{{admin_path}}",
  environment: "{{environment}}",
  emailLogin: "{{email_login}}",
  emailCodes: "{{email_codes}}",
  turnstileSiteKey: "{{turnstile_site_key}}",
  trustedDeviceDays: "{{trusted_device_days}}",
  /** `trustedDeviceDays` as text: `1 day`. */
  trustedDeviceTime: "{{trusted_device_time}}",
} as const;
