/**
 * Example requests that readers of the API reference can send, each with its expected answer. A test sends all of them
 * to the service, as Ada, the user that the first example registers. For an operation that needs an operator, the test
 * makes Ada a superuser first.
 */
import type { SuccessAnswer } from "../endpoint/endpoint.ts";
import { type ErrorCode, statusOf } from "../http/problems.ts";
import type { JsonObject } from "./openapi-refusals.ts";

export interface Example {
  /** What the request does, in a few words. */
  summary: string;
  /** The status of the success, or the code of the refusal. */
  answers: SuccessAnswer["status"] | ErrorCode;
  /** What to do in order to get a success. */
  hint?: string;
  body?: JsonObject;
  /** Parameters of the path and of the query. */
  parameters?: Readonly<Record<string, string | number>>;
}

const EMAIL = "ada@example.com";
const PASSWORD = "correct horse battery staple";
const NEW_PASSWORD = "seven quiet harbours at dawn";
/** An id that no user and no session has. */
const NOBODY = "019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071";

const CREDENTIAL = { id: "dGhlIGlkIG9mIGEgcGFzc2tleQ", type: "public-key" } as const;
const CLIENT_DATA = { clientDataJSON: "AAAA" } as const;

const fromLink = {
  token: "the-token-of-the-link-in-the-email",
} as const;
const byLink = {
  answers: "invalid_token",
  hint: "Replace the token with the one of the link in the email: what follows `#token=`.",
} as const;
const ENROLMENT = { enrolment_token: "pet_the-enrolment-token-of-a-login" } as const;
const atEnrolment = {
  answers: "invalid_enrolment_token",
  hint: "Replace the token with the `enrolment_token` of a login that was answered with `second_factor_enrolment_required`.",
} as const;
const ofNobody = {
  answers: "not_found",
  parameters: { id: NOBODY },
} as const;
const OF_FACTORS = "Replace the id with one of `GET /users/me/factors`.";
const OF_INVITATIONS = "Replace the id with one of `GET /invitations`.";
const ofNoUser = { ...ofNobody, hint: "Replace the id with the id of a user." } as const;

/** The examples by operation id, and then by the example's name. Operations without input need no example. */
export const EXAMPLES: Readonly<Record<string, Readonly<Record<string, Example>>>> = {
  register: {
    ada: {
      summary: "Register Ada",
      answers: 202,
      body: { email: EMAIL, username: "ada", password: PASSWORD, first_name: "Ada", last_name: "Lovelace" },
    },
    withoutPassword: {
      summary: "Without a password, if users can log in by email",
      answers: 202,
      body: { email: "grace@example.com", username: "grace" },
    },
  },
  verifyEmail: { link: { summary: "Verify an email address", ...byLink, body: fromLink } },
  resendVerification: { ada: { summary: "Email Ada another link", answers: 202, body: { email: EMAIL } } },
  judgePassword: {
    ada: { summary: "Judge Ada's password", answers: 200, body: { password: PASSWORD, email: EMAIL, username: "ada" } },
  },
  forgotPassword: { ada: { summary: "Email Ada a link", answers: 202, body: { email: EMAIL } } },
  resetPassword: {
    link: { summary: "Set a new password", ...byLink, body: { ...fromLink, new_password: NEW_PASSWORD } },
  },
  changeEmail: {
    ada: { summary: "Ask for another address", answers: 202, body: { email: "ada@example.org", password: PASSWORD } },
  },
  confirmEmail: { link: { summary: "Confirm the new address", ...byLink, body: fromLink } },
  undoEmailChange: { link: { summary: "Return to the old address", ...byLink, body: fromLink } },
  login: {
    email: { summary: "By email", answers: 200, body: { email: EMAIL, password: PASSWORD } },
    username: {
      summary: "By username, with a name for the device",
      answers: 200,
      body: { username: "ada", password: PASSWORD, device_name: "Ada's phone" },
    },
    cookie: {
      summary: "With the refresh token in a cookie",
      answers: 200,
      body: { email: EMAIL, password: PASSWORD, cookie: true },
    },
  },
  refresh: {
    token: {
      summary: "With a refresh token",
      answers: "invalid_refresh_token",
      hint: "Replace the token with the `refresh_token` of a login. After a login with the cookie, send `{}`.",
      body: { refresh_token: "prt_the-refresh-token-of-a-login" },
    },
    restore: { summary: "With the cookie, if there is one", answers: 204, body: { restore: true } },
  },
  proveSecondFactor: {
    code: {
      summary: "With a code of an authenticator app",
      answers: "invalid_pending_token",
      hint: "Replace the token with the `pending_token` of a login, and the code with the current one.",
      body: { pending_token: "ppt_the-pending-token-of-a-login", totp: "492039", trust_device: true },
    },
  },
  emailSecondFactorCode: {
    code: {
      summary: "Email a code",
      answers: "invalid_pending_token",
      hint: "Replace the token with the `pending_token` of a login.",
      body: { pending_token: "ppt_the-pending-token-of-a-login" },
    },
  },
  readLoginPasskeyOptions: { alone: { summary: "For a login by passkey alone", answers: 200, body: {} } },
  requestEmailLogin: { ada: { summary: "Email Ada a link", answers: 202, body: { email: EMAIL } } },
  confirmEmailLogin: {
    link: { summary: "With the link and the code", ...byLink, body: { ...fromLink, code: "WDJB-MJHT" } },
  },
  logInWithPasskey: {
    passkey: {
      summary: "With a passkey",
      answers: "invalid_passkey",
      hint: "Replace the credential with the JSON of `navigator.credentials.get()`.",
      body: {
        credential: { ...CREDENTIAL, response: { ...CLIENT_DATA, authenticatorData: "AAAA", signature: "AAAA" } },
      },
    },
  },
  enrolTotp: {
    phone: { summary: "A new app", ...atEnrolment, body: { ...ENROLMENT, name: "Phone" } },
  },
  confirmEnrolledTotp: {
    code: { summary: "With the app's current code", ...atEnrolment, body: { ...ENROLMENT, code: "492039" } },
  },
  readEnrolmentPasskeyOptions: { passkey: { summary: "For a new passkey", ...atEnrolment, body: ENROLMENT } },
  enrolPasskey: {
    passkey: {
      summary: "With a new passkey",
      ...atEnrolment,
      body: { ...ENROLMENT, credential: { ...CREDENTIAL, response: { ...CLIENT_DATA, attestationObject: "AAAA" } } },
    },
  },
  checkCookie: {
    none: { summary: "Without a cookie", answers: "invalid_refresh_token", hint: "Log in with `cookie: true` first." },
  },
  reauthenticate: {
    ada: { summary: "With Ada's password", answers: 200, body: { password: PASSWORD } },
  },
  logout: {
    here: { summary: "End this session", answers: 204, body: {} },
    everywhere: { summary: "End every session", answers: 204, body: { all: true } },
  },
  updateMe: {
    profile: {
      summary: "Change the profile",
      answers: 200,
      body: { first_name: "Ada", last_name: "Lovelace", phone: "+442079460000", locale: "en" },
    },
  },
  changePassword: {
    ada: {
      summary: "Change the password",
      answers: 204,
      body: { current_password: PASSWORD, new_password: NEW_PASSWORD },
    },
  },
  removePassword: {
    ada: {
      summary: "Remove the password, if there is another way to log in",
      answers: 204,
      body: { current_password: PASSWORD },
    },
  },
  addTotp: { phone: { summary: "Ada's phone", answers: 201, body: { name: "Phone" } } },
  confirmTotp: {
    code: {
      summary: "With the app's current code",
      answers: "invalid_factor",
      hint: "Add an authenticator app first, and send the code that it shows.",
      body: { code: "492039" },
    },
  },
  addEmailFactor: { mailbox: { summary: "Ada's mailbox", answers: 201, body: { name: "Email" } } },
  addPasskey: {
    passkey: {
      summary: "A new passkey",
      answers: "invalid_passkey",
      hint: "Replace the credential with the JSON of `navigator.credentials.create()`.",
      body: { credential: { ...CREDENTIAL, response: { ...CLIENT_DATA, attestationObject: "AAAA" } }, name: "Phone" },
    },
  },
  renameFactor: { phone: { summary: "Rename a factor", ...ofNobody, hint: OF_FACTORS, body: { name: "Old phone" } } },
  removeFactor: { phone: { summary: "Remove a factor", ...ofNobody, hint: OF_FACTORS } },
  removeTrustedDevice: {
    laptop: {
      summary: "Stop trusting a device",
      ...ofNobody,
      hint: "Replace the id with one of `GET /users/me/trusted-devices`.",
    },
  },
  removeFactors: { nobody: { summary: "Of a user who does not exist", ...ofNoUser } },
  replaceRecoveryCodes: {
    none: { summary: "Without a second factor", answers: "not_found", hint: "Add a second factor first." },
  },
  endSession: {
    session: {
      summary: "A session that does not exist",
      ...ofNobody,
      hint: "Replace the id with one of `GET /users/me/sessions`.",
    },
  },
  deleteMe: { ada: { summary: "Delete the account", answers: 204, body: { password: PASSWORD } } },
  listSecurityEvents: { page: { summary: "The newest events", answers: 200, parameters: { limit: 20 } } },
  listUsers: { ada: { summary: "Look for Ada", answers: 200, parameters: { q: "ada", limit: 20 } } },
  lookUpUser: { ada: { summary: "Look Ada up", answers: 200, parameters: { email: EMAIL } } },
  readUser: { unknownUser: { summary: "A user who does not exist", ...ofNoUser } },
  updateUser: { unknownUser: { summary: "Make a user a moderator", ...ofNoUser, body: { role: "moderator" } } },
  deleteUser: { unknownUser: { summary: "A user who does not exist", ...ofNoUser } },
  listUserSessions: { unknownUser: { summary: "A user who does not exist", ...ofNoUser } },
  endUserSession: {
    unknownUser: {
      summary: "A user who does not exist",
      answers: "not_found",
      parameters: { id: NOBODY, session_id: NOBODY },
      hint: "Replace the ids with the id of a user, and with one of `GET /users/{id}/sessions`.",
    },
  },
  revokeSessions: { unknownUser: { summary: "A user who does not exist", ...ofNoUser } },
  sendPasswordReset: { unknownUser: { summary: "A user who does not exist", ...ofNoUser } },
  listAuditEvents: {
    logins: { summary: "The newest logins", answers: 200, parameters: { type: "login_succeeded", limit: 20 } },
  },
  readOverview: { month: { summary: "The last 30 days", answers: 200, parameters: { period: "30d" } } },
  rotateKeys: { early: { summary: "Publish a successor", answers: 200, body: { emergency: false } } },
  lookUpLimit: {
    address: {
      summary: "Failed logins from an address",
      answers: 200,
      parameters: { name: "loginPerAddress" },
      body: { key: "192.0.2.1" },
    },
  },
  resetLimit: {
    email: {
      summary: "Let Grace get more emails",
      answers: 204,
      parameters: { name: "mailPerRecipient" },
      body: { key: "grace@example.com" },
    },
  },
  listDeadLetters: { page: { summary: "The latest", answers: 200, parameters: { limit: 20 } } },
  retryEmail: {
    letter: {
      summary: "An email that is not on the list",
      ...ofNobody,
      hint: "Replace the id with one of `GET /emails/dead-letters`.",
    },
  },
  exportAuditEvents: {
    csv: {
      summary: "The logins of a month, for a spreadsheet",
      answers: 200,
      parameters: {
        format: "csv",
        type: "login_succeeded",
        since: "2026-10-01T00:00:00Z",
        until: "2026-11-01T00:00:00Z",
      },
    },
  },
  inviteUser: { grace: { summary: "Invite Grace", answers: 202, body: { email: "grace@example.com", locale: "en" } } },
  listInvitations: { page: { summary: "The newest invitations", answers: 200, parameters: { limit: 20 } } },
  resendInvitation: { nobody: { summary: "An invitation that does not exist", ...ofNobody, hint: OF_INVITATIONS } },
  revokeInvitation: { nobody: { summary: "An invitation that does not exist", ...ofNobody, hint: OF_INVITATIONS } },
  acceptInvitation: {
    link: {
      summary: "Accept Grace's invitation",
      ...byLink,
      body: { ...fromLink, email: "grace@example.com", username: "grace", password: NEW_PASSWORD },
    },
    withoutPassword: {
      summary: "Without a password, if users can log in by email",
      ...byLink,
      body: { ...fromLink, email: "grace@example.com", username: "grace" },
    },
  },
};

/** The examples of an operation's body in OpenAPI's format; `undefined` if there are none. */
export function bodyExamples(operation: string): JsonObject | undefined {
  return written(operation, ({ body }) => body);
}

/** The examples of an operation's parameter in OpenAPI's format; `undefined` if there are none. */
export function parameterExamples(operation: string, name: string): JsonObject | undefined {
  return written(operation, ({ parameters }) => parameters?.[name]);
}

function written(
  operation: string,
  partOf: (example: Example) => JsonObject | string | number | undefined,
): JsonObject | undefined {
  const entries = Object.entries(EXAMPLES[operation] ?? {}).flatMap(([name, example]) => {
    const value = partOf(example);
    const { summary } = example;
    return value === undefined ? [] : [[name, { summary, description: descriptionOf(example), value }] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function descriptionOf({ answers, hint }: Example): string {
  const answer = typeof answers === "number" ? String(answers) : `${statusesOf(answers)} \`${answers}\``;
  return [`Answers ${answer}.`, hint].filter((sentence) => sentence !== undefined).join(" ");
}

function statusesOf(code: ErrorCode): string {
  return [...new Set([statusOf(code, false), statusOf(code, true)])].join(" or ");
}
