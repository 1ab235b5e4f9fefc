/**
 * Whether a password contains something that is publicly known about its owner (NIST SP 800-63B-4 §3.1.1.2, ASVS 5.0
 * 6.2.11).
 */
import { codePointLength } from "../platform/encoding.ts";

/** In code points. Shorter words occur in other words by chance: "ann" in "planning", "info" in "information". */
const LEAST_ANYWHERE = 5;

/** In code points. Words as short as "a" or "jo" do not make a password guessable. */
const LEAST_AT_ALL = 3;

const BETWEEN = "[^\\p{L}\\p{N}\\p{M}]";

/**
 * Whether a password contains a word, ignoring case and any separators between the word's parts: "ada.lovelace" is in
 * "AdaLovelace1815". A word of three or four code points only counts if it stands alone. A shorter one never counts.
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
 * The words of an email address that a password must not contain: the local part and, if it has a tag
 * (`ada+shop@example.com`, RFC 5233), the part before the tag.
 */
export function wordsOfEmail(email: string): string[] {
  const [local = ""] = email.split("@");
  const [mailbox = ""] = local.split("+");
  return [...new Set([local, mailbox])];
}

/**
 * The form of a text that is compared with words and lists: it ignores compatibility forms and case (Unicode UAX #15,
 * NFKC). Never the form that is hashed.
 */
export function fold(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
