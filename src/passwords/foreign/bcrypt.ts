import { hashSync } from "bcryptjs";
import { constantTimeEqual } from "../../platform/crypto.ts";
import { utf8 } from "../../platform/encoding.ts";
import { HASH_BOUNDS } from "../hash-bounds.ts";
import { IMPORT_WITHOUT_HASH, type Reading, spellings, unreadable } from "../hash-format.ts";

/** Version, cost, 16 bytes of salt, 23 bytes of hash, in bcrypt's own base64. */
const BCRYPT = /^(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;

/**
 * Reads bcrypt hashes as passlib, PHP, Rails and the libraries called bcrypt write them: `$2b$12$…`. The versions a, b
 * and y are computed in the same way. The letter only says which old bug the implementation had fixed.
 *
 * bcrypt reads only the first 72 bytes of a password, so every password that begins with the same 72 bytes matches. The
 * first login replaces the hash with an scrypt hash, which covers the whole password.
 */
export function readBcrypt(text: string): Reading {
  if (/^bcrypt\$\$2/.test(text)) return unreadable("Remove the “bcrypt$” that Django wrote in front of the hash.");
  if (!/^\$2[a-z]?\$/.test(text)) return undefined;
  if (/^\$2(x|)\$/.test(text)) {
    return unreadable(`bcrypt hashes of the versions 2 and 2x were computed incorrectly. ${IMPORT_WITHOUT_HASH}`);
  }
  const [, setting, costText, hash] = BCRYPT.exec(text) ?? [];
  if (setting === undefined || hash === undefined) {
    return unreadable("A bcrypt hash has 60 characters, as in $2b$12$…: this one was truncated or changed.");
  }
  const cost = Number(costText);
  const { minCost, maxCost } = HASH_BOUNDS.bcrypt;
  if (cost < minCost || cost > maxCost) {
    return unreadable(
      `bcrypt with the cost ${cost} is not supported. Supported: ${minCost} to ${maxCost}. ${IMPORT_WITHOUT_HASH}`,
    );
  }
  return {
    scheme: "bcrypt",
    verify: (password) => spellings(password).some((text) => matches(text, setting, hash)),
  };
}

function matches(password: string, setting: string, hash: string): boolean {
  // bcrypt repeats the password with NUL characters in between, so “a” and “a\0a” would match the same hash.
  if (password.includes("\0")) return false;
  // Compares only the hash, because some libraries set unused bits of the salt.
  return constantTimeEqual(utf8(hashSync(password, setting).slice(-hash.length)), utf8(hash));
}
