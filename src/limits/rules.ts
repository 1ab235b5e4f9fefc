/** The limits by name. Every number that slows somebody down stands here, with its source. */
import { HOUR, MINUTE } from "../platform/clock.ts";

export interface LimitRule {
  /** Attempts in a window, which may also come all at once. */
  budget: number;
  /** Milliseconds. */
  window: number;
}

export const LIMIT_RULES = {
  /** Guessing many accounts from one place. An office behind one address still gets in. */
  loginPerAddress: { budget: 30, window: 5 * MINUTE },
  /** Guessing one account from many places. Wide, so that a stranger can hardly close the door on its owner. */
  loginPerAccount: { budget: 100, window: HOUR },
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
  /** Guessing the current password with a stolen access token. */
  passwordCheckPerUser: { budget: 10, window: 15 * MINUTE },
  /** Trying out usernames, and filling the audit log. */
  profileChangePerUser: { budget: 30, window: 15 * MINUTE },
  /** A whole export reads everything that is kept. */
  exportPerUser: { budget: 5, window: HOUR },
  linkAttemptsPerAddress: { budget: 30, window: 15 * MINUTE },
} as const satisfies Record<string, LimitRule>;

export type LimitName = keyof typeof LIMIT_RULES;
