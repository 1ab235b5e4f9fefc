/**
 * Asks Have I Been Pwned whether a password has leaked (https://haveibeenpwned.com/API/v3#PwnedPasswords). Only the
 * first five of the forty digits of the password's SHA-1 hash leave the service. The response lists all leaked hashes
 * with these first digits, and is padded, so that its size reveals nothing.
 */
import { sha1 } from "../platform/crypto.ts";
import { encodeHex, utf8 } from "../platform/encoding.ts";
import type { Hops } from "../platform/hops.ts";
import { writeLog } from "../platform/log.ts";

const RANGES = "https://api.pwnedpasswords.com/range/";

const PREFIX_DIGITS = 5;

const RANGE = /^(?:[0-9A-F]{35}:\d+(?:\r?\n|$))+$/;

/** Why there was no usable response: `timeout`, `unreachable`, `unreadable`, or `status_` and the HTTP status. */
interface NoAnswer {
  noAnswer: string;
}

export type Breaches = ReturnType<typeof createBreaches>;

/**
 * Looks up passwords in the list for one request. Each look-up counts as one round trip. Logs a warning if the list
 * does not answer.
 */
export function createBreaches(timeout: number, hops: Hops) {
  return {
    /** Whether a password is known to have leaked; `undefined` if the list did not answer. */
    async know(password: string) {
      const answer = await hops.hop("breaches", () => lookUpBreach(password, timeout));
      if (typeof answer === "boolean") return answer;
      writeLog("warn", { event: "breach_check_unavailable", error_code: answer.noAnswer });
      return undefined;
    },
  };
}

/** Looks a password up in the list. Waits at most `timeout` milliseconds. Never throws. */
export async function lookUpBreach(password: string, timeout: number): Promise<boolean | NoAnswer> {
  const digest = encodeHex(sha1(utf8(password.normalize("NFC")))).toUpperCase();
  const range = await fetchRange(digest.slice(0, PREFIX_DIGITS), timeout);
  if (typeof range !== "string") return range;
  if (!RANGE.test(range)) return { noAnswer: "unreadable" };
  const suffix = digest.slice(PREFIX_DIGITS);
  // A count of 0 is padding and not a leaked password.
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
    // An unread body would keep its connection open.
    await response.body?.cancel();
    return { noAnswer: `status_${response.status}` };
  } catch (error) {
    return { noAnswer: error instanceof Error && error.name === "TimeoutError" ? "timeout" : "unreachable" };
  }
}
