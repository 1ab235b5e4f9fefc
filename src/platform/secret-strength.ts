/** Judges whether a secret looks as if somebody had made it up or copied it. What a generator made passes, but for one in some millions. */

/** In characters: of a random hexadecimal secret, 128 bits. */
export const LEAST_SECRET_LENGTH = 32;

/** A random hexadecimal secret of 128 bits has fewer different characters once in 10^7 times; longer ones never. */
const LEAST_CHARACTERS = 8;

/**
 * Words of the secrets that stand in examples, this repository's own included. Each has six letters or more: a
 * random base64 text of 64 characters holds a given one, in any case, once in 10^7 times.
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

/** What makes a secret easy to guess, as the end of a sentence; `undefined` where nothing does. Never holds the secret. */
export function weaknessOf(secret: string): string | undefined {
  if (secret.length < LEAST_SECRET_LENGTH) return "is too short";
  if (EXAMPLE.test(secret)) return "looks like a published example";
  if (new Set(secret).size < LEAST_CHARACTERS) return `has fewer than ${LEAST_CHARACTERS} different characters`;
  if (repeats(secret)) return "repeats the same text";
  if (counts(secret)) return "is a sequence like abcdef or 123456";
  return undefined;
}

/** Whether it is one text written twice or more, the last time perhaps in part. */
function repeats(secret: string): boolean {
  for (let period = 1; period <= secret.length / 2; period++) {
    if (secret.startsWith(secret.slice(period))) return true;
  }
  return false;
}

/** Whether three characters in four follow upon the one before, forwards or backwards. */
function counts(secret: string): boolean {
  const codes = Array.from(secret, (character) => character.codePointAt(0) ?? 0);
  const steps = codes.slice(1).map((code, index) => Math.abs(code - (codes[index] ?? 0)));
  return steps.filter((step) => step === 1).length > (steps.length * 3) / 4;
}
