/**
 * Makes a stranger's text safe for an email: a client's words about itself, a username, or the new address of an
 * account. Readers trust the email as the service's own, so it must not contain a stranger's links or long texts.
 */
import { cutText } from "../platform/cut-text.ts";
import { codePointLength } from "../platform/encoding.ts";
import { readUserAgent } from "../platform/user-agents.ts";
import type { Device } from "./messages.ts";

/** The maximum length in code points. Enough for the user agents of common browsers. */
const LONGEST = 160;

/** Names the client's browser and system if they are recognized. Otherwise returns the client's own text, made safe. */
export function nameDevice(words: string | null): Device | undefined {
  return readUserAgent(words ?? "") ?? quoteClient(words);
}

/**
 * Makes the client's text safe for an email: one short line without links. Returns `undefined` if no printable
 * character is left.
 */
export function quoteClient(words: string | null): string | undefined {
  const line = (words ?? "")
    .toWellFormed()
    // Replaces control characters, and characters that hide or reverse text (Unicode TR36 §2.5).
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  const isLong = codePointLength(line) > LONGEST;
  const bounded = isLong ? `${cutText(line, LONGEST - 1, codePointLength)}…` : line;
  return bounded === "" ? undefined : withoutLinks(bounded);
}

/**
 * Prepares a username for an email: adds a space after every dot. Without the space, an email program could turn the
 * name into a link, because almost any word is a top-level domain, or may become one.
 */
export function quoteUsername(username: string): string {
  return username.replaceAll(".", ". ");
}

/**
 * Returns an IP address unchanged, because readers compare and copy it. The address comes from the platform, not from
 * the client. Any other text is made safe, like the text of a client.
 */
export function quoteIpAddress(address: string): string | undefined {
  return /^(\d+(\.\d+){3}|[\da-f:]+)$/i.test(address) ? address : quoteClient(address);
}

/** Writes an address so that email programs don't turn it into a link, and readers can still recognize it. */
export function quoteAddress(address: string): string {
  return withoutLinks(address);
}

/**
 * Breaks every link: adds a space after each dot, colon, at sign or backslash that could be part of a link. So no list
 * of schemes or domains is needed. A space ends a link in every email program, and readers see the space. Invisible
 * characters would not help: some programs and all browsers ignore them, and readers would copy them with the text.
 */
function withoutLinks(text: string): string {
  const plain = text.replaceAll(/\P{ASCII}/gu, asPunctuation);
  return /[.。:@\\]/.test(plain) ? breakLinks(plain) : plain;
}

function breakLinks(text: string): string {
  return (
    text
      // Thunderbird ignores spaces between angle brackets and between quotation marks.
      .replaceAll("<", "‹")
      .replaceAll(">", "›")
      .replaceAll('"', "”")
      .replaceAll(/[@\\](?=\S)/g, "$& ")
      // Keeps a colon before digits, as in a time of day. But after letters, the colon could end the scheme of a link.
      .replaceAll(/(?<=\p{L}[\p{L}\d+.-]*):(?=\S)|:(?=[^\s\d])/gu, ": ")
      .replaceAll(/\d+(?:\.\d+){3,}/g, (numbers) => numbers.replaceAll(".", ". "))
      // Keeps the dots of a version number, because no top-level domain is a number. But a top-level domain can begin
      // with digits, and after two slashes, any words with a dot between them are a link.
      .replaceAll(/(?<!\d)[.。](?=\S)|(?<=\/\/\S*)[.。](?=\S)|[.。](?!\d+(?![\p{L}\p{M}\d-]))(?=\S)/gu, "$& ")
  );
}

/**
 * In a link, browsers and email programs read some non-ASCII characters as punctuation (UTS #46 §4). Returns the
 * punctuation: an ASCII character, or the ideographic full stop. Returns any other character unchanged.
 */
function asPunctuation(character: string): string {
  const normalized = character.normalize("NFKC");
  return /^[.。:@<>"\\/]$/.test(normalized) ? normalized : character;
}
