import { readStoredHash } from "./read-hash.ts";

/**
 * Whether a hash that another service made can be verified here, for the import of users; where it can't,
 * the reason in words. Judges the text alone: computes nothing, and runs in Node as well as in a Worker.
 */
export function judgeHash(text: string): { scheme: string } | { refused: string } {
  const reading = readStoredHash(text);
  return "refused" in reading ? reading : { scheme: reading.scheme };
}
