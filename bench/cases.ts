/** What the bench measures. */

/** How a contestant is configured for a case. */
export interface Setting {
  /** Whether attempts are limited. */
  limits: boolean;
  /** How many users the contestant's database has. */
  users: number;
  /**
   * `cheap`: nearly free and the same for all contestants, so that other costs show. `own`: the contestant's default.
   */
  hash: "cheap" | "own";
}

const usual: Setting = { limits: false, users: 1_000, hash: "cheap" };

export const CASES = {
  jwks: { title: "JWKS", ...usual },
  me: { title: "own profile", ...usual },
  refresh: { title: "refresh", ...usual },
  login: { title: "login", ...usual },
  "login-jwt": { title: "login, to a token that others can verify", ...usual },
  "login-limits": { title: "login with limits", ...usual, limits: true },
  "login-own-hash": { title: "login with its own hash", ...usual, hash: "own" },
  register: { title: "register", ...usual },
  "register-limits": { title: "register with limits", ...usual, limits: true },
  "search-1k": { title: "search that 1,000 users match", ...usual },
  "search-100k": { title: "search that 100,000 users match", ...usual, users: 100_000 },
} as const satisfies Record<string, Setting & { title: string }>;

export type CaseName = keyof typeof CASES;

/** How many requests are sent at the same time. With `own` hashes, one request at a time already keeps a core busy. */
export const concurrenciesOf = ({ hash }: Setting): number[] => (hash === "own" ? [1] : [1, 32]);
