import { readStoredHash } from "./read-hash.ts";

/**
 * Whether a hash from another service can be verified here, for the import of users; if not, the reason. Only parses
 * the text: computes nothing, and runs in Node as well as in a Worker.
 */
export function judgeHash(text: string): { scheme: string } | { refused: string } {
  const reading = readStoredHash(text);
  return "refused" in reading ? reading : { scheme: reading.scheme };
}
