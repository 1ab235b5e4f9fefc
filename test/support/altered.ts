/**
 * A token with another character in its middle. A change at the end might have no effect: the token may already end
 * that way, and the last character of base64url may contain unused bits.
 */
export function altered(token: string): string {
  const middle = Math.floor(token.length / 2);
  return `${token.slice(0, middle)}${token[middle] === "A" ? "B" : "A"}${token.slice(middle + 1)}`;
}
