/**
 * Words that strangers chose, made safe to repeat in an email: what a client says about itself, usernames, and the new
 * address of an account. The email is ours, so it must not carry their links, their page or a long text.
 */
import { cutText } from "../platform/cut-text.ts";
import { codePointLength } from "../platform/encoding.ts";
import type { Device } from "./messages.ts";
import { readUserAgent } from "./user-agents.ts";

/** Code points: enough for the user agents of common browsers. */
const LONGEST = 160;

/** Names the client's browser and system if they are recognized. Otherwise returns the client's own text, made safe. */
export function nameDevice(words: string | null): Device | undefined {
  return readUserAgent(words ?? "") ?? quoteClient(words);
}

/**
 * Makes the client's text safe for an email: one short line without links. Returns `undefined` if nothing printable is
 * left.
 */
export function quoteClient(words: string | null): string | undefined {
  const line = (words ?? "")
    .toWellFormed()
    // Control characters, and characters that hide or reverse text (Unicode TR36 §2.5).
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  const isLong = codePointLength(line) > LONGEST;
  const bounded = isLong ? `${cutText(line, LONGEST - 1, codePointLength)}…` : line;
  return bounded === "" ? undefined : withoutLinks(bounded);
}

/**
 * A username for an email. Every dot in it gets a space: almost any word is a top-level domain, and the next one may
 * become one tomorrow.
 */
export function quoteUsername(username: string): string {
  return username.replaceAll(".", ". ");
}

/** An IP address stays as it is, because readers compare and copy it. The platform found it; the client didn't write it. */
export function quoteIpAddress(address: string): string | undefined {
  return /^(\d+(\.\d+){3}|[\da-f:]+)$/i.test(address) ? address : quoteClient(address);
}

/** An address of which the reader should recognize a part. Email programs make no link to it. */
export function quoteAddress(address: string): string {
  return withoutLinks(address);
}

/**
 * Breaks every link, without a list of schemes or domains: no dot, colon or at sign touches what follows. A space ends
 * a link in every email program, and readers see it. Invisible characters would not do: some programs and all browsers
 * ignore them, and they would be copied with the text.
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
      // A time of day stays as it is, but not after letters, with which it would begin like a scheme.
      .replaceAll(/(?<=\p{L}[\p{L}\d+.-]*):(?=\S)|:(?=[^\s\d])/gu, ": ")
      .replaceAll(/\d+(?:\.\d+){3,}/g, (numbers) => numbers.replaceAll(".", ". "))
      // A version number stays as it is: no top-level domain is a number. One may begin with a number, and two
      // slashes make a link of any words with a dot between them.
      .replaceAll(/(?<!\d)[.。](?=\S)|(?<=\/\/\S*)[.。](?=\S)|[.。](?!\d+(?![\p{L}\p{M}\d-]))(?=\S)/gu, "$& ")
  );
}

/**
 * The ASCII form, or the ideographic full stop, of a character that browsers and email programs read as punctuation of
 * a link (UTS #46 §4). Any other character is unchanged.
 */
function asPunctuation(character: string): string {
  const normalized = character.normalize("NFKC");
  return /^[.。:@<>"\\/]$/.test(normalized) ? normalized : character;
}
