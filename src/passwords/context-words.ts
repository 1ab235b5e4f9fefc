/** Whether a password is built on what everybody knows about its owner (NIST SP 800-63B-4 §3.1.1.2, ASVS 5.0 6.2.11). */
import { codePointLength } from "../platform/encoding.ts";
import { fold } from "./fold.ts";

/** Shorter words stand in others by chance: "ann" in "planning", "info" in "information". */
const LEAST_ANYWHERE = 5;

/** Nobody would think of "a" or "jo" as what a password is built on. */
const LEAST_AT_ALL = 3;

const BETWEEN = "[^\\p{L}\\p{N}\\p{M}]";

/**
 * Whether a password contains a word, in any case, and whatever stands between the word's parts: "ada.lovelace" is in
 * "AdaLovelace1815". A word of three or four code points counts where it stands by itself alone, a shorter one never.
 */
export function containsWord(password: string, word: string): boolean {
  const parts = fold(word)
    .split(new RegExp(BETWEEN, "u"))
    .filter((part) => part !== "");
  const length = codePointLength(parts.join(""));
  if (length < LEAST_AT_ALL) return false;
  const anywhere = parts.join(`${BETWEEN}*`);
  const byItself = `(?<=^|${BETWEEN})${anywhere}(?=$|${BETWEEN})`;
  return new RegExp(length < LEAST_ANYWHERE ? byItself : anywhere, "u").test(fold(password));
}

/**
 * The words of an address that a password may not contain: the local part, and where it has a tag
 * (`ada+shop@example.com`, RFC 5233) the part before it too.
 */
export function wordsOfEmail(email: string): string[] {
  const [local = ""] = email.split("@");
  const [mailbox = ""] = local.split("+");
  return [...new Set([local, mailbox])];
}
