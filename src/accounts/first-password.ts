/** The password of a new account. With `EMAIL_LOGIN=on`, its user may choose none. */

import { NO_PASSWORD, type Passwords } from "../passwords/passwords.ts";
import type { PasswordQuality } from "../passwords/quality.ts";
import { isRefusal } from "../platform/refusal.ts";

/**
 * Returns what is stored for the password, and the `details` of its check for the audit event. Without a password,
 * nothing is hashed. Whether the password may be left out, the body's schema has decided.
 */
export async function chooseFirstPassword(
  { passwordQuality, passwords }: { passwordQuality: PasswordQuality; passwords: Passwords },
  body: { password?: string | undefined; email: string; username: string },
) {
  const { password } = body;
  if (password === undefined) return { hash: NO_PASSWORD, checked: {} };
  const checked = await passwordQuality.require("password", password, body);
  if (isRefusal(checked)) return checked;
  const hashed = await passwords.hash(password);
  return isRefusal(hashed) ? hashed : { hash: hashed.hash, checked };
}
