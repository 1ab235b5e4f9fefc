/** What the API tells operators about each limit, and what each limit counts by. */
import type { LimitName } from "../../config/limit-rules.ts";

/** The kinds of keys that limits count by. Operators can't look up a counter of the last four kinds. */
export const COUNTED_BY = [
  "ip_address",
  "user",
  "email",
  "login_name",
  "login_name_and_ip_address",
  "second_factors",
  "session",
  "login_link",
] as const;

type CountedBy = (typeof COUNTED_BY)[number];

export const LIMITS: Readonly<Record<LimitName, { per: CountedBy; description: string }>> = {
  loginPerAddress: { per: "ip_address", description: "Failed logins from one network." },
  loginPerAccount: {
    per: "login_name",
    description:
      "Wrong guesses in a row at one account. After the budget is used up, a growing pause follows each further one.",
  },
  loginPerAccountAndAddress: {
    per: "login_name_and_ip_address",
    description: "Failed logins from one network at one account.",
  },
  loginsPerUser: { per: "user", description: "Logins of one user that succeed." },
  secondFactorPerUser: {
    per: "second_factors",
    description:
      "Wrong codes of a second factor in a row. After the budget is used up, a growing pause follows each further one.",
  },
  passkeyLoginPerAddress: { per: "ip_address", description: "Logins by passkey alone from one network." },
  emailCodesPerUser: { per: "user", description: "Codes by email that logins of one user request." },
  loginCodePerLink: { per: "login_link", description: "Codes that are sent with one login link." },
  registerPerAddress: { per: "ip_address", description: "Registrations from one network." },
  mailPerRecipient: { per: "email", description: "Emails of one kind to one address." },
  strangerMailPerRecipient: {
    per: "email",
    description: "Emails to one address that people other than its owner can request, all kinds together.",
  },
  mailPerAddress: { per: "ip_address", description: "Requested emails from one network." },
  refreshPerSession: { per: "session", description: "Refreshes of one session." },
  passwordCheckPerUser: { per: "user", description: "Wrong current passwords of one user." },
  changesPerUser: { per: "user", description: "Recorded requests by one user." },
  changesPerOperator: { per: "user", description: "Recorded requests by one operator that concern others." },
  profileChangePerUser: { per: "user", description: "Profile changes by one user." },
  usernameChangePerUser: { per: "user", description: "Changes of the username by one user." },
  exportPerUser: { per: "user", description: "Exports of one user's data." },
  userLookupPerUser: { per: "user", description: "Look-ups of users by one operator." },
  invitationsPerUser: { per: "user", description: "Invitations by one operator." },
  linkAttemptsPerAddress: { per: "ip_address", description: "Emailed links tried from one network." },
  passwordStrengthPerAddress: { per: "ip_address", description: "Password strength checks from one network." },
};

/** The kinds of limits that operators can't look up or reset by a key, and the reasons. */
export const WITHOUT_KEY: Partial<Record<CountedBy, string>> = {
  login_name_and_ip_address: "This limit needs two keys. Resetting `loginPerAccount` also resets it for all networks.",
  second_factors:
    "The user's object counts this next to the factors. Wait for the pause to end, or remove the factors.",
  session: "The session counts this itself. Wait, or end the session.",
  login_link: "This ends with the link. Request another link.",
};

export function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(LIMITS, name);
}
