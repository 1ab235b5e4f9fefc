/**
 * What a stored hash may ask for. A row in the database must not choose how long an isolate works, nor
 * with how much memory (OWASP ASVS 5.0 §11.2.4); and what lies below the least is no hash that anybody's
 * library makes. Milliseconds are workerd's on one core of 2026, where this service's own hash takes 175 to 300.
 */
export const HASH_BOUNDS = {
  /** N·r·p at most what workerd computes: 650 ms. With p = 1 that is 128 MiB (RFC 7914 §2: 128·N·r bytes). */
  scrypt: { maxWork: 2 ** 20 },
  /** 4 is bcrypt's own least (Provos and Mazières 1999); 13 takes 1000 ms, and each more twice as long. */
  bcrypt: { minCost: 4, maxCost: 13 },
  /**
   * Workers compute at most 100,000 iterations in production, though more when they run locally: 13 ms with
   * SHA-1 or SHA-256, 40 ms with SHA-512. At least 1,000 (RFC 8018 §4.2).
   */
  pbkdf2: { minIterations: 1_000, maxIterations: 100_000 },
  /**
   * Memory in KiB: half of an isolate's 128 MiB, and at least 8 a lane (RFC 9106 §3.1). Memory times passes
   * at most what PHP's default asks for (64 MiB, 4 passes): 240 ms.
   */
  argon2: { maxMemory: 2 ** 16, maxWork: 2 ** 18, maxLanes: 16, minMemoryPerLane: 8 },
  /** Bytes: at least eight (RFC 8018 §4.1; argon2.h), at most what any library writes. */
  salt: { min: 8, max: 64 },
  /** Bytes: at least 128 bits, so that a match by chance is out of the question; at most a SHA-512. */
  hash: { min: 16, max: 64 },
} as const;

export function isWithin(value: number, { min, max }: { min: number; max: number }): boolean {
  return value >= min && value <= max;
}
