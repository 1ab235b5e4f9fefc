/**
 * What a client says about itself, made safe to repeat in an email. Attackers control this text, and the email is ours:
 * it must not carry their links, their page or a long text.
 */
import type { Device } from "./messages.ts";
import { readUserAgent } from "./user-agents.ts";

/** Characters: enough for the user agents of common browsers. */
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
  const characters = [...line];
  const bounded = characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join("")}…` : line;
  return bounded === "" ? undefined : withoutLinks(bounded);
}

/**
 * A username for an email to someone else. It is unchanged unless email programs would turn it into a link, whose
 * target the user would have chosen.
 */
export function quoteUsername(username: string): string {
  return LIKE_A_HOST.test(username) ? withoutLinks(username) : username;
}

/** Begins with `www.`, or ends in a country code or a common top-level domain. */
const LIKE_A_HOST =
  /^www\.|\.([a-z]{2}|com|net|org|info|biz|app|dev|shop|site|online|store|live|link|page|xyz|top|club|cloud|icu|vip)$/i;

/** Adds a visible space, so that mail programs don't turn the text into a link. */
function withoutLinks(text: string): string {
  return text.replaceAll("://", ": //").replaceAll(/([.@])(?=\p{L})/gu, "$1 ");
}
