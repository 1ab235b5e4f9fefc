/** What the service may cost a request or a download. Tests hold it to these; CI shows them. */

/** Gzipped bytes. `worker` includes Argon2 and the common passwords. */
export const SIZE_BUDGETS = { worker: 284 * 1024, client: 5 * 1024, verifier: 12 * 1024 } as const;

/** Storage round trips that happen one after another. */
export const HOP_BUDGETS = {
  login: 2,
  refusedLogin: 1,
  refresh: 1,
  me: 1,
  logout: 1,
  logoutEverywhere: 2,
  jwks: 0,
} as const;
