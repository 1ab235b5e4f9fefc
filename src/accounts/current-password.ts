import type { Passwords } from "../passwords/passwords.ts";
import { isRefusal, type Refusal, refuse } from "../platform/refusal.ts";
import type { User } from "../users/user.ts";

/**
 * Checks the current password of a user who is logged in. The endpoint that calls this declares the limit
 * `passwordGuesses`, which counts only wrong passwords.
 */
export async function checkCurrentPassword(
  { passwords }: { passwords: Passwords },
  user: Pick<User, "passwordHash">,
  password: string,
): Promise<Refusal<"wrong_password"> | Refusal<"busy"> | undefined> {
  const check = await passwords.check(password, user.passwordHash);
  if (isRefusal(check)) return check;
  return check.matches ? undefined : refuse("wrong_password");
}
