/**
 * What a client says of itself, as a mail may repeat it. Anybody can say anything there, and the mail is ours:
 * it must not be made to carry their link, their page or their novel.
 */

/** Characters: enough for the usual browser. */
const LONGEST = 160;

/** `undefined` where nothing is left to repeat. */
export function quoteClient(words: string | null): string | undefined {
  const line = (words ?? "")
    .toWellFormed()
    // Control characters, and marks that hide text or turn it around (Unicode TR36 §2.5).
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  const characters = [...line];
  const bounded = characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join("")}…` : line;
  return bounded === "" ? undefined : withoutLinks(bounded);
}

/**
 * A username as a mail to a stranger names it: as it is, unless mail programs would make a link of it, whose page
 * a stranger chose.
 */
export function quoteUsername(username: string): string {
  return LIKE_A_HOST.test(username) ? withoutLinks(username) : username;
}

/** Begins as web addresses do, or ends in a country's code or one of the common top-level domains. */
const LIKE_A_HOST =
  /^www\.|\.([a-z]{2}|com|net|org|info|biz|app|dev|shop|site|online|store|live|link|page|xyz|top|club|cloud|icu|vip)$/i;

/** Mail programs make a link of whatever looks like an address: a space keeps them from it, and can be seen. */
function withoutLinks(text: string): string {
  return text.replaceAll("://", ": //").replaceAll(/([.@])(?=\p{L})/gu, "$1 ");
}
