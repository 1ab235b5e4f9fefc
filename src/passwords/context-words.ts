/**
 * Finds out whether a password contains something that is publicly known about its owner (NIST SP 800-63B-4 §3.1.1.2,
 * ASVS 5.0 6.2.11).
 */
import { codePointLength } from "../platform/encoding.ts";

/** In code points. Shorter words occur in other words by chance: "ann" in "planning", "info" in "information". */
const LEAST_ANYWHERE = 5;

/** In code points. Words as short as "a" or "jo" do not make a password guessable. */
const LEAST_AT_ALL = 3;

const BETWEEN = "[^\\p{L}\\p{N}\\p{M}]";

/**
 * Whether a password contains a word. Ignores case, and separators between the parts of the word: "ada.lovelace" is in
 * "AdaLovelace1815". A word of three or four code points counts only if it stands alone. A shorter word never counts.
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
 * The words of an email address that a password must not contain: the local part and, if that has a tag
 * (`ada+shop@example.com`, RFC 5233), the part before the tag.
 */
export function wordsOfEmail(email: string): string[] {
  const [local = ""] = email.split("@");
  const [mailbox = ""] = local.split("+");
  return [...new Set([local, mailbox])];
}

/**
 * The form in which texts are compared with words and lists. It removes differences of case and of Unicode's
 * compatibility forms (UAX #15, NFKC). Passwords are never hashed in this form.
 */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
