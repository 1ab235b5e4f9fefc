/** Detects secrets that people made up or copied. Wrongly rejects about one in several million random secrets. */

/** In characters. A random hexadecimal secret of this length has 128 bits. */
export const LEAST_SECRET_LENGTH = 32;

/**
 * About 1 of 10^7 random hexadecimal secrets of 128 bits has fewer distinct characters than this. Among longer secrets,
 * practically none has.
 */
const LEAST_CHARACTERS = 8;

/**
 * Words in example secrets, also those in this repository. Each word has at least six letters, so that random secrets
 * rarely contain it. Ignoring case, about 1 of 10^7 random base64 texts of 64 characters contains a given word.
 */
const EXAMPLE_WORDS = [
  "secret",
  "change[-_ ]?(?:me|this|it)",
  "replace[-_ ]?(?:me|this|with)",
  "example",
  "insert[-_ ]?your",
  "placeholder",
  "password",
  "passphrase",
  "correct[-_ ]?horse",
  "development",
  "insecure",
  "default",
  "openssl",
  "abcdef[-_ ]?ghij",
  "qwerty",
  "0123456789",
  "1234567890",
];
const EXAMPLE = new RegExp(EXAMPLE_WORDS.join("|"), "i");

/** Why a secret is easy to guess, as the end of a sentence; `undefined` if it is not. Never contains the secret. */
export function weaknessOf(secret: string): string | undefined {
  if (secret.length < LEAST_SECRET_LENGTH) return "is too short";
  if (EXAMPLE.test(secret)) return "looks like a published example";
  if (new Set(secret).size < LEAST_CHARACTERS) return `has fewer than ${LEAST_CHARACTERS} different characters`;
  if (isRepetition(secret)) return "repeats the same text";
  if (isSequence(secret)) return "is a sequence like abcdef or 123456";
  return undefined;
}

/** Whether the secret is one text, written at least twice. The last copy may be incomplete. */
function isRepetition(secret: string): boolean {
  for (let period = 1; period <= secret.length / 2; period++) {
    if (secret.startsWith(secret.slice(period))) return true;
  }
  return false;
}

/**
 * Whether more than three quarters of the characters are neighbors of the previous character, as in "abcd" or "4321".
 */
function isSequence(secret: string): boolean {
  const codes = Array.from(secret, (character) => character.codePointAt(0) ?? 0);
  const steps = codes.slice(1).map((code, index) => Math.abs(code - (codes[index] ?? 0)));
  return steps.filter((step) => step === 1).length > (steps.length * 3) / 4;
}
