/** The limits by name. Every number that slows a client down is here, with its source. `RATE_LIMITS` overrides them. */
import { DAY, HOUR, MINUTE, SECOND } from "../platform/clock.ts";

export interface LimitRule {
  /** Attempts per window. They may come all at once. */
  budget: number;
  /** Milliseconds. */
  window: number;
}

export const LIMIT_RULES = {
  /** Against guessing at many accounts from one place. An office behind one address can still log in. */
  loginPerAddress: { budget: 30, window: 5 * MINUTE },
  /**
   * Against guessing at one account from unknown networks: this many wrong guesses in a row cause no pause. After
   * that, the pause starts with the window and doubles with each further wrong guess, up to an hour (NIST SP 800-63B-4
   * §3.2.2 names 30 seconds and an hour). See `limits/pause-after-wrong-guesses.ts`.
   */
  loginPerAccount: { budget: 10, window: 30 * SECOND },
  /** Against guessing at one account from one place (OWASP Authentication Cheat Sheet, "Login Throttling"). */
  loginPerAccountAndAddress: { budget: 10, window: 15 * MINUTE },
  /**
   * Logins of one user that succeed. Each costs a hash, a session, an event and perhaps an email. An app that logs in
   * whenever it needs a token should refresh instead.
   */
  loginsPerUser: { budget: 30, window: 15 * MINUTE },
  /**
   * Wrong codes of a second factor in a row, over all logins of a user: this many cause no pause. After that, the pause
   * starts with the window and doubles with each further wrong code, up to an hour (NIST SP 800-63B-4 §3.2.2). The
   * user's object counts them. A passkey never waits.
   */
  secondFactorPerUser: { budget: 5, window: 30 * SECOND },
  /** A passkey can't be guessed. This bounds the work of checking signatures. An office behind one address can log in. */
  passkeyLoginPerAddress: { budget: 30, window: 5 * MINUTE },
  /** Codes by email. Only a client that has sent the right password can have one sent. A person logs in less often. */
  emailCodesPerUser: { budget: 10, window: HOUR },
  /** Against guessing the code of a stolen login link: five tries at once, and five more until the link expires. */
  loginCodePerLink: { budget: 5, window: 10 * MINUTE },
  registerPerAddress: { budget: 20, window: HOUR },
  /**
   * Emails of one kind to one address, no matter who requests them: the fourth in an hour is refused. Each kind has its
   * own budget. If a stranger uses one up, its links are already in the mailbox. Notices of new logins count too:
   * beyond this budget, only the list of events shows the login.
   */
  mailPerRecipient: { budget: 3, window: HOUR },
  /**
   * All emails to one address that people without its account can cause, over all kinds. Beyond it they succeed without
   * an email. One is reserved for a link that resets the password: no stranger can use up all of them with other emails.
   */
  strangerMailPerRecipient: { budget: 6, window: HOUR },
  mailPerAddress: { budget: 20, window: HOUR },
  /**
   * An app refreshes whenever it is reloaded; an app that refreshes in a loop is broken. The session itself counts
   * this.
   */
  refreshPerSession: { budget: 120, window: 15 * MINUTE },
  /** Against guessing the current password with a stolen access token. */
  passwordCheckPerUser: { budget: 10, window: 15 * MINUTE },
  /**
   * Everything that a user can do to their own account and that the audit log records, over all routes, so that no user
   * can fill the log. Far more than a person does.
   */
  changesPerUser: { budget: 120, window: HOUR },
  /** The same for what an operator does to others. Enough for a script that works through a list. */
  changesPerOperator: { budget: 600, window: HOUR },
  /** Against trying out usernames. */
  profileChangePerUser: { budget: 30, window: 15 * MINUTE },
  /** Each change reserves the former username for months: against hoarding usernames. */
  usernameChangePerUser: { budget: 10, window: DAY },
  /** A whole export reads everything that is stored about the user. Also for downloads of the audit log. */
  exportPerUser: { budget: 5, window: HOUR },
  /** Enough for a help desk, and a bound on what a stolen moderator's token can find out from a list of addresses. */
  userLookupPerUser: { budget: 60, window: 15 * MINUTE },
  /** Enough to invite a whole department, and a bound on the spam that a stolen access token can send. */
  invitationsPerUser: { budget: 100, window: HOUR },
  /** Against guessing the tokens of emailed links, which have at least 128 bits. */
  linkAttemptsPerAddress: { budget: 20, window: 15 * MINUTE },
  /** A form may ask on every keystroke. Each answer can cost a call to Have I Been Pwned. */
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
 * How long a network stays known after its last login, and how long guesses at a user's password count towards the block
 * after the last one. In milliseconds.
 */
export const GUARD_MEMORY = 90 * DAY;

/**
 * How long after the last guess at a name its pauses are remembered, whether or not a user has the name. In
 * milliseconds. Longer than the longest pause, so waiting for it allows no more guesses than the pauses do.
 */
export const PAUSE_MEMORY = 1 * DAY;

/**
 * How long an attempt of a login counts at its network while its outcome is unknown, in milliseconds. At the default
 * cost, no password waits that long for its hash, even in the longest lane. So a lease only runs out if its Worker was
 * lost.
 */
export const LEASE = 30 * SECOND;

/**
 * If the guards of both names of an account know a network, logins from there by one name are reported to the guard of
 * the other only once in this time, in milliseconds. So the network stays known there for at least the rest of
 * `GUARD_MEMORY` after its last login.
 */
export const SHARED_LOGIN_MEMORY = 30 * DAY;

/**
 * The same for an account that already remembers the maximum number of networks: the next new one pushes out the
 * oldest.
 */
export const SHARED_LOGIN_MEMORY_IF_FULL = 1 * DAY;
