/**
 * A token with another character in its middle. Not at its end: a fixed ending is the token's own in one case of
 * hundreds, and the last character of base64url may hold bits that nobody reads.
 */
export function altered(token: string): string {
  const middle = Math.floor(token.length / 2);
  return `${token.slice(0, middle)}${token[middle] === "A" ? "B" : "A"}${token.slice(middle + 1)}`;
}
