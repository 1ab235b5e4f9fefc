/** A throw-away account. */
import { encodeBase64url, encodeHex } from "../../platform/encoding.ts";
import type { Random } from "../../platform/random.ts";

export interface Account {
  email: string;
  username: string;
  password: string;
}

/** Makes random credentials. */
export function makeAccount(domain: string, random: Random): Account {
  const username = `doctor-${encodeHex(random.bytes(8))}`;
  return { username, email: `${username}@${domain}`, password: encodeBase64url(random.bytes(24)) };
}
