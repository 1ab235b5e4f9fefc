/** The names that people log in by: an email address or a username. */
/** In canonical form. */
export type LoginName = { email: string } | { username: string };

/** The form in which two spellings of one email address or one username are equal. */
export function canonicalName(name: string): string {
  return name.toLowerCase();
}

/** What attempts to log in by a name are counted by. */
export function loginNameKey(name: LoginName): string {
  return JSON.stringify(name);
}

/** The keys of an account's names. */
export function loginNameKeys({ email, username }: { email: string; username: string }): string[] {
  return [loginNameKey({ email }), loginNameKey({ username: canonicalName(username) })];
}
