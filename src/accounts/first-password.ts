/** The password of a new account. With `EMAIL_LOGIN=on`, the user may leave out the password. */

import { NO_PASSWORD, type Passwords } from "../passwords/passwords.ts";
import type { PasswordQuality } from "../passwords/quality.ts";
import { isRefusal } from "../platform/refusal.ts";

/**
 * Returns the value to store for the password, and the `details` of its check for the audit event. Without a password,
 * nothing is hashed. The body's schema has already decided whether the password may be left out.
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
