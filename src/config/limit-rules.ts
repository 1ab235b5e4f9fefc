/** The limits by name. Every number that slows somebody down stands here, with its source. `RATE_LIMITS` overrides them. */
import { DAY, HOUR, MINUTE, SECOND } from "../platform/clock.ts";

export interface LimitRule {
  /** Attempts in a window, which may also come all at once. */
  budget: number;
  /** Milliseconds. */
  window: number;
}

export const LIMIT_RULES = {
  /** Guessing many accounts from one place. An office behind one address still gets in. */
  loginPerAddress: { budget: 30, window: 5 * MINUTE },
  /**
   * Guessing one account from places where nobody has logged in to it: so many wrong guesses in a row are free.
   * Then there is a pause of the window, twice as long after each further one, up to an hour
   * (NIST SP 800-63B-4 §3.2.2 names 30 seconds and an hour). See `login-guard.ts`.
   */
  loginPerAccount: { budget: 10, window: 30 * SECOND },
  /** Guessing one account from one place (OWASP Authentication Cheat Sheet, "Login Throttling"). */
  loginPerAccountAndAddress: { budget: 10, window: 15 * MINUTE },
  registerPerAddress: { budget: 20, window: HOUR },
  /**
   * Mails of one kind to one address, whoever asks for them: the fourth in an hour is refused. Kinds do not share,
   * so that a stranger who uses up one leaves its links in the mailbox, and the others alone.
   */
  mailPerRecipient: { budget: 3, window: HOUR },
  /** Mails that strangers' registrations send to one address. Beyond it they register in silence. */
  registrationMailPerRecipient: { budget: 5, window: HOUR },
  mailPerAddress: { budget: 20, window: HOUR },
  /** An app that is loaded anew refreshes; one that does so in a loop is broken. Counted by the session itself. */
  refreshPerSession: { budget: 120, window: 15 * MINUTE },
  /** Guessing the current password with a stolen access token. */
  passwordCheckPerUser: { budget: 10, window: 15 * MINUTE },
  /** Trying out usernames, and filling the audit log. */
  profileChangePerUser: { budget: 30, window: 15 * MINUTE },
  /** A whole export reads everything that is kept. */
  exportPerUser: { budget: 5, window: HOUR },
  /** Inviting a whole department, and no more of the world than that with a stolen access token. */
  invitationsPerUser: { budget: 100, window: HOUR },
  /** Guessing the tokens of mailed links, each of which has 128 bits and more. */
  linkAttemptsPerAddress: { budget: 20, window: 15 * MINUTE },
  /** A form may ask at each key that is pressed. Each answer can cost a call to Have I Been Pwned. */
  passwordStrengthPerAddress: { budget: 300, window: 5 * MINUTE },
} as const satisfies Record<string, LimitRule>;

export type LimitName = keyof typeof LIMIT_RULES;

export type LimitRules = Readonly<Record<LimitName, LimitRule>>;

/** Wrong guesses in a row after which a password stops working: the most that NIST SP 800-63B-4 §3.2.2 allows. */
export const MOST_WRONG_GUESSES = 100;

/** The longest pause between two guesses at an account, in milliseconds (same section). */
export const LONGEST_PAUSE = HOUR;

/** So many places of earlier logins are remembered for an account. */
export const MOST_FAMILIAR_NETWORKS = 20;

/** For how long a place counts as familiar after its last login, and guesses are remembered after the last one. */
export const GUARD_MEMORY = 90 * DAY;
