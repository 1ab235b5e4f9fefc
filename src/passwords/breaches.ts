/**
 * Have I Been Pwned's list of leaked passwords (https://haveibeenpwned.com/API/v3#PwnedPasswords). Only the first five
 * of forty digits of the password's SHA-1 leave the service; the answer names every leaked password that shares them,
 * padded so that its size tells nothing either.
 */
import { sha1 } from "../platform/crypto.ts";
import { encodeHex, utf8 } from "../platform/encoding.ts";
import type { Hops } from "../platform/hops.ts";
import { writeLog } from "../platform/log.ts";

const RANGES = "https://api.pwnedpasswords.com/range/";

const PREFIX_DIGITS = 5;

const RANGE = /^(?:[0-9A-F]{35}:\d+(?:\r?\n|$))+$/;

/** Why there was no answer: `timeout`, `unreachable`, `unreadable` or `status_` and the status. */
export interface NoAnswer {
  noAnswer: string;
}

export interface Breaches {
  /** Whether a password is known to have leaked; `undefined` where nobody could say. */
  know(password: string): Promise<boolean | undefined>;
}

/** The list as a request asks it: one hop, and a line in the log where there is no answer. */
export function createBreaches(timeout: number, hops: Hops): Breaches {
  return {
    async know(password) {
      const answer = await hops.hop("breaches", () => lookUpBreach(password, timeout));
      if (typeof answer === "boolean") return answer;
      writeLog("warn", { event: "breach_check_unavailable", error_code: answer.noAnswer });
      return undefined;
    },
  };
}

/** Asks the list, and waits for `timeout` milliseconds at most. Never throws. */
export async function lookUpBreach(password: string, timeout: number): Promise<boolean | NoAnswer> {
  const digest = encodeHex(sha1(utf8(password.normalize("NFC")))).toUpperCase();
  const range = await fetchRange(digest.slice(0, PREFIX_DIGITS), timeout);
  if (typeof range !== "string") return range;
  if (!RANGE.test(range)) return { noAnswer: "unreadable" };
  const suffix = digest.slice(PREFIX_DIGITS);
  // A count of 0 is padding: nobody's password.
  return range.split(/\r?\n/).some((line) => line.startsWith(`${suffix}:`) && !/:0+$/.test(line));
}

async function fetchRange(prefix: string, timeout: number): Promise<string | NoAnswer> {
  try {
    const response = await fetch(`${RANGES}${prefix}`, {
      headers: { "Add-Padding": "true", "User-Agent": "postern" },
      redirect: "manual",
      signal: AbortSignal.timeout(timeout),
    });
    if (response.status === 200) return await response.text();
    // A body left unread would hold its connection.
    await response.body?.cancel();
    return { noAnswer: `status_${response.status}` };
  } catch (error) {
    return { noAnswer: error instanceof Error && error.name === "TimeoutError" ? "timeout" : "unreachable" };
  }
}
