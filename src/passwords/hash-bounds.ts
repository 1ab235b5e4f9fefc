/**
 * Bounds on stored hashes. A row in the database must not decide how long an isolate computes, or how much memory it
 * uses (OWASP ASVS 5.0 §11.2.4). No known library writes hashes below the minimums. All durations were measured in
 * workerd on one core in 2026, where a hash of this service takes 175 to 300 ms.
 */
export const HASH_BOUNDS = {
  /**
   * N·r·p, up to the limit of workerd. A hash at this limit takes 650 ms and, with p = 1, 128 MiB (RFC 7914 §2: 128·N·r
   * bytes).
   */
  scrypt: { maxWork: 2 ** 20 },
  /**
   * The minimum is bcrypt's own (Provos and Mazières 1999). Cost 13 takes 1000 ms, and each further step doubles the
   * time.
   */
  bcrypt: { minCost: 4, maxCost: 13 },
  /**
   * In production, Workers compute at most 100,000 iterations; local workerd computes more. 100,000 take 13 ms with
   * SHA-1 or SHA-256, and 40 ms with SHA-512. The minimum is 1,000 (RFC 8018 §4.2).
   */
  pbkdf2: { minIterations: 1_000, maxIterations: 100_000 },
  /**
   * Memory in KiB: at most half of an isolate's 128 MiB, and at least 8 per parallel lane of Argon2 (RFC 9106 §3.1).
   * `maxWork` limits memory times passes to PHP's default (64 MiB, 4 passes), which takes 240 ms.
   */
  argon2: { maxMemory: 2 ** 16, maxWork: 2 ** 18, maxLanes: 16, minMemoryPerLane: 8 },
  /** In bytes. At least eight (RFC 8018 §4.1; argon2.h); the maximum covers every known library. */
  salt: { min: 8, max: 64 },
  /** In bytes. At least 128 bits, so that a match by chance is not realistic; at most the length of SHA-512. */
  hash: { min: 16, max: 64 },
} as const;

export function isWithin(value: number, { min, max }: { min: number; max: number }): boolean {
  return value >= min && value <= max;
}
