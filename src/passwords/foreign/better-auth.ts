import { constantTimeEqual } from "../../platform/crypto.ts";
import { decodeHex, utf8 } from "../../platform/encoding.ts";
import { type Reading, unreadable } from "../hash-format.ts";

/** 16 bytes of salt and 64 of hash, in hexadecimal. */
const BETTER_AUTH = /^([0-9a-f]{32}):([0-9a-f]{128})$/;
/** The hash does not name its cost. better-auth uses this cost for every password. */
const COST = { ln: 14, r: 16, p: 1 };

/** scrypt as better-auth writes it: `salt:hash`. The salt is not decoded: its hexadecimal text is hashed. */
export function readBetterAuth(text: string): Reading {
  if (!/^[0-9a-f]+:[0-9a-f]+$/i.test(text)) return undefined;
  const [, salt, hashText] = BETTER_AUTH.exec(text) ?? [];
  if (salt === undefined || hashText === undefined) {
    return unreadable(
      "better-auth writes 32 hexadecimal digits, a colon, and 128 more, in lower case: this hash was truncated or changed.",
    );
  }
  const hash = decodeHex(hashText);
  return {
    scheme: "better-auth-scrypt",
    // better-auth hashes the NFKC form, so only that form is tried.
    verify: (password, { scrypt }) =>
      constantTimeEqual(scrypt(utf8(password.normalize("NFKC")), utf8(salt), COST, hash.byteLength), hash),
  };
}
