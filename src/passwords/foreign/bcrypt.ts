import { hashSync } from "bcryptjs";
import { constantTimeEqual } from "../../platform/crypto.ts";
import { utf8 } from "../../platform/encoding.ts";
import { HASH_BOUNDS } from "../hash-bounds.ts";
import { IMPORT_WITHOUT_HASH, type Reading, spellings } from "../hash-format.ts";

/** Version, cost, 16 bytes of salt, 23 bytes of hash, in bcrypt's own base64. */
const BCRYPT = /^(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;

/**
 * bcrypt as passlib, PHP, Rails and the libraries called bcrypt write it: `$2b$12$…`. The versions a, b
 * and y differ in the mistakes of old implementations, not in what they compute.
 *
 * bcrypt reads the first 72 bytes of a password and no more, so a longer one matches by those. The hash
 * that replaces it at that login is of the whole text.
 */
export function readBcrypt(text: string): Reading {
  if (/^bcrypt\$\$2/.test(text)) return { refused: "Django wrote “bcrypt$” in front of the hash: take it off." };
  if (!/^\$2[a-z]?\$/.test(text)) return undefined;
  if (/^\$2(x|)\$/.test(text)) {
    return { refused: `bcrypt of the versions 2 and 2x was computed wrongly or loosely. ${IMPORT_WITHOUT_HASH}` };
  }
  const [, setting, costText, hash] = BCRYPT.exec(text) ?? [];
  if (setting === undefined || hash === undefined) {
    return { refused: "A bcrypt hash has 60 characters, as in $2b$12$…: this one was cut off or changed." };
  }
  const cost = Number(costText);
  const { minCost, maxCost } = HASH_BOUNDS.bcrypt;
  if (cost < minCost || cost > maxCost) {
    return {
      refused: `bcrypt of the cost ${cost}: ${minCost} to ${maxCost} are verified here. ${IMPORT_WITHOUT_HASH}`,
    };
  }
  return {
    scheme: "bcrypt",
    verify: (password) => spellings(password).some((text) => matches(text, setting, hash)),
  };
}

function matches(password: string, setting: string, hash: string): boolean {
  // Where C ends a string, bcrypt repeats the password: “a” and “a\0a” would be one.
  if (password.includes("\0")) return false;
  // The hash alone is compared: some libraries set bits of the salt that decode to nothing.
  return constantTimeEqual(utf8(hashSync(password, setting).slice(-hash.length)), utf8(hash));
}
