/** The limits by name. Every number that slows a client down is here. The variable `RATE_LIMITS` overrides limits. */
import { DAY, HOUR, MINUTE, SECOND } from "../platform/clock.ts";

export interface LimitRule {
  /** Attempts per window. A client may use all of them at once. */
  budget: number;
  /** Milliseconds. */
  window: number;
}

export const LIMIT_RULES = {
  /** Against guessing at many accounts from one network. An office behind one address can still log in. */
  loginPerAddress: { budget: 30, window: 5 * MINUTE },
  /**
   * Against guessing at one account from unknown networks: `budget` wrong guesses in a row cause no pause. After that,
   * the first pause lasts `window`. Each further wrong guess doubles the pause, up to an hour (NIST SP 800-63B-4 §3.2.2
   * names 30 seconds and an hour). See `limits/pause-after-wrong-guesses.ts`.
   */
  loginPerAccount: { budget: 10, window: 30 * SECOND },
  /** Against guessing at one account from one network (OWASP Authentication Cheat Sheet, "Login Throttling"). */
  loginPerAccountAndAddress: { budget: 10, window: 15 * MINUTE },
  /**
   * Successful logins of one user. Each login costs a hash, a session, an event and perhaps an email. An app that logs
   * in for each new token should refresh instead.
   */
  loginsPerUser: { budget: 30, window: 15 * MINUTE },
  /**
   * Wrong codes of a second factor in a row, over all logins of a user: `budget` wrong codes cause no pause. After
   * that, the first pause lasts `window`. Each further wrong code doubles the pause, up to an hour (NIST SP 800-63B-4
   * §3.2.2). The user's object counts the codes. A login with a passkey never has to wait.
   */
  secondFactorPerUser: { budget: 5, window: 30 * SECOND },
  /** Limits the cost of checking signatures. Passkeys can't be guessed. An office behind one address can log in. */
  passkeyLoginPerAddress: { budget: 30, window: 5 * MINUTE },
  /** Codes by email. A client can request one only after the right password. A person logs in less often. */
  emailCodesPerUser: { budget: 10, window: HOUR },
  /** Against guessing the code of a stolen login link: five tries at once, and five more until the link expires. */
  loginCodePerLink: { budget: 5, window: 10 * MINUTE },
  registerPerAddress: { budget: 20, window: HOUR },
  /**
   * Emails of one kind to one address, no matter who requests them: the fourth in an hour is refused. Each kind has its
   * own budget. If a stranger uses up a budget, the owner already has the emails with the links. Notices of new logins
   * count too: beyond this budget, only the list of security events shows the login.
   */
  mailPerRecipient: { budget: 3, window: HOUR },
  /**
   * Emails to one address that people without access to the account can request, all kinds together. Once the budget is
   * used up, such requests still succeed, but the service sends no email. One email is reserved for a link that resets
   * the password, so no stranger can use up the whole budget with other emails.
   */
  strangerMailPerRecipient: { budget: 6, window: HOUR },
  mailPerAddress: { budget: 20, window: HOUR },
  /**
   * Against broken apps that refresh in a loop. The budget is large, because a correct app refreshes at each reload.
   * The user's object counts the refreshes of each session.
   */
  refreshPerSession: { budget: 120, window: 15 * MINUTE },
  /** Against guessing the current password with a stolen access token. */
  passwordCheckPerUser: { budget: 10, window: 15 * MINUTE },
  /**
   * Against filling the audit log: all requests of a user about their own account that the log records. The budget is
   * far more than a person needs.
   */
  changesPerUser: { budget: 120, window: HOUR },
  /** The same for an operator's requests about other accounts. Enough for a script that works through a list. */
  changesPerOperator: { budget: 600, window: HOUR },
  /** Against trying out usernames. */
  profileChangePerUser: { budget: 30, window: 15 * MINUTE },
  /** Against hoarding usernames: after an account is deleted, its former usernames stay reserved for months. */
  usernameChangePerUser: { budget: 10, window: DAY },
  /** An export reads everything that is stored about the user. Downloads of the audit log count too. */
  exportPerUser: { budget: 5, window: HOUR },
  /**
   * Enough for a help desk. Bounds how many addresses of a list an attacker can look up with a moderator's stolen
   * token.
   */
  userLookupPerUser: { budget: 60, window: 15 * MINUTE },
  /** Enough to invite a whole department. Bounds the spam that an attacker can send with a stolen access token. */
  invitationsPerUser: { budget: 100, window: HOUR },
  /** Against guessing the tokens of emailed links, which have at least 128 bits. */
  linkAttemptsPerAddress: { budget: 20, window: 15 * MINUTE },
  /** A form may send a request on every keystroke. Each request can cost a call to Have I Been Pwned. */
  passwordStrengthPerAddress: { budget: 300, window: 5 * MINUTE },
} as const satisfies Record<string, LimitRule>;

export type LimitName = keyof typeof LIMIT_RULES;

export type LimitRules = Readonly<Record<LimitName, LimitRule>>;

/** Wrong guesses in a row after which a password stops working: the maximum that NIST SP 800-63B-4 §3.2.2 allows. */
export const MOST_WRONG_GUESSES = 100;

/** The longest pause between two guesses at an account, in milliseconds (same section). */
export const LONGEST_PAUSE = HOUR;

/** How many networks of earlier logins an account remembers. */
export const MOST_KNOWN_NETWORKS = 20;

/**
 * How long a network stays known after the last login from it, and how long guesses at a user's password count towards
 * the block after the last guess. In milliseconds.
 */
export const GUARD_MEMORY = 90 * DAY;

/**
 * How long the pauses of a login name are remembered after the last guess, whether or not a user has the name. In
 * milliseconds. Longer than the longest pause, so an attacker gains nothing by waiting until the pauses are forgotten.
 */
export const PAUSE_MEMORY = 1 * DAY;

/**
 * How long a login attempt counts towards the budget of its network while its outcome is unknown, in milliseconds. At
 * the default cost, no password waits that long for its hash, even in the longest queue (`HASH_LANE_LENGTH`). So this
 * time runs out only if the Worker was lost.
 */
export const LEASE = 30 * SECOND;

/**
 * How often the guard of an account's other name learns of logins from a network that both guards know: at most once in
 * this time, in milliseconds. So after the last login, that guard knows the network for at least `GUARD_MEMORY` minus
 * this time.
 */
export const SHARED_LOGIN_MEMORY = 30 * DAY;

/**
 * The same for an account that already remembers the maximum number of networks. Shorter, because the next new network
 * replaces the network whose last login is the oldest.
 */
export const SHARED_LOGIN_MEMORY_IF_FULL = 1 * DAY;
