/**
 * A token with another character in its middle. A change at its end could change nothing: some tokens have the new ending
 * already, and the last character of base64url may contain unused bits.
 */
export function altered(token: string): string {
  const middle = Math.floor(token.length / 2);
  return `${token.slice(0, middle)}${token[middle] === "A" ? "B" : "A"}${token.slice(middle + 1)}`;
}
