import { constantTimeEqual } from "../../platform/crypto.ts";
import { decodeHex, utf8 } from "../../platform/encoding.ts";
import type { Reading } from "../hash-format.ts";

/** 16 bytes of salt and 64 of hash, in hexadecimal. */
const BETTER_AUTH = /^([0-9a-f]{32}):([0-9a-f]{128})$/;
/** Nothing in the text says it: better-auth hashes every password at this cost. */
const COST = { ln: 14, r: 16, p: 1 };

/** scrypt as better-auth writes it: `salt:hash`, where the salt is hashed as the text that it is. */
export function readBetterAuth(text: string): Reading {
  if (!/^[0-9a-f]+:[0-9a-f]+$/i.test(text)) return undefined;
  const [, salt, hashText] = BETTER_AUTH.exec(text) ?? [];
  if (salt === undefined || hashText === undefined) {
    return {
      refused:
        "better-auth writes 32 hexadecimal digits, a colon, and 128 more, in lower case: this hash was cut off or changed.",
    };
  }
  const hash = decodeHex(hashText);
  return {
    scheme: "better-auth-scrypt",
    // NFKC is what better-auth hashes: one spelling, whatever was typed.
    verify: (password, { scrypt }) =>
      constantTimeEqual(scrypt(utf8(password.normalize("NFKC")), utf8(salt), COST, hash.byteLength), hash),
  };
}
