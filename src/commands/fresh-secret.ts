import { encodeBase64url } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";

/** Bytes of a secret: more than any key that is derived from it has. */
const SECRET_BYTES = 48;

/** A new `AUTH_SECRET`, in base64url. */
export function freshSecret(random: Random): string {
  return encodeBase64url(random.bytes(SECRET_BYTES));
}
