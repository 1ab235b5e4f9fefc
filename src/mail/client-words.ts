/**
 * Makes words that strangers chose safe to repeat in an email: what a client says about itself, usernames, and the new
 * address of an account. Readers trust the email as the service's own, so it must not carry a stranger's links or long
 * texts.
 */
import { cutText } from "../platform/cut-text.ts";
import { codePointLength } from "../platform/encoding.ts";
import { readUserAgent } from "../platform/user-agents.ts";
import type { Device } from "./messages.ts";

/** In code points. Enough for the user agents of common browsers. */
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
    // Control characters, and characters that hide or reverse text (Unicode TR36 §2.5).
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  const isLong = codePointLength(line) > LONGEST;
  const bounded = isLong ? `${cutText(line, LONGEST - 1, codePointLength)}…` : line;
  return bounded === "" ? undefined : withoutLinks(bounded);
}

/**
 * Prepares a username for an email: adds a space after every dot. Otherwise an email program could make a link of the
 * name: almost any word is a top-level domain, or may become one.
 */
export function quoteUsername(username: string): string {
  return username.replaceAll(".", ". ");
}

/**
 * Returns an IP address unchanged, because readers compare and copy it. It comes from the platform and not from the
 * client. Any other text is made safe like the text of a client.
 */
export function quoteIpAddress(address: string): string | undefined {
  return /^(\d+(\.\d+){3}|[\da-f:]+)$/i.test(address) ? address : quoteClient(address);
}

/** Writes an address so that email programs make no link of it, and readers can still recognize it. */
export function quoteAddress(address: string): string {
  return withoutLinks(address);
}

/**
 * Breaks every link. It needs no list of schemes or domains: it adds a space to every dot, colon and at sign that other
 * text directly follows. A space ends a link in every email program, and readers see it. Invisible characters would not
 * help: some programs and all browsers ignore them, and readers would copy them with the text.
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
      // A time of day stays as it is, unless letters come before it: then they could be the scheme of a link.
      .replaceAll(/(?<=\p{L}[\p{L}\d+.-]*):(?=\S)|:(?=[^\s\d])/gu, ": ")
      .replaceAll(/\d+(?:\.\d+){3,}/g, (numbers) => numbers.replaceAll(".", ". "))
      // A version number stays as it is, because no top-level domain is a number. But a top-level domain can begin with
      // digits, and two slashes make a link of any words with a dot between them.
      .replaceAll(/(?<!\d)[.。](?=\S)|(?<=\/\/\S*)[.。](?=\S)|[.。](?!\d+(?![\p{L}\p{M}\d-]))(?=\S)/gu, "$& ")
  );
}

/**
 * Browsers and email programs read some characters of a link as punctuation (UTS #46 §4). Returns that punctuation: an
 * ASCII character, or the ideographic full stop. Returns any other character unchanged.
 */
function asPunctuation(character: string): string {
  const normalized = character.normalize("NFKC");
  return /^[.。:@<>"\\/]$/.test(normalized) ? normalized : character;
}
