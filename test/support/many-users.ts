import { env } from "cloudflare:workers";

/**
 * Adds users as imports leave them: with random ids, in groups of ten that were created at the same time, the first
 * ones before 1970. One in a hundred is suspended, one is unverified and one is a moderator. Usernames are `prefix` and
 * a number.
 */
export async function importMany(prefix: string, count: number): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO users (id, email, username, password_hash, is_active, is_verified, role, created_at, updated_at)
     WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
     SELECT lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' ||
         substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
       ?1 || i || '@example.org', ?1 || i, '!', i % 100 <> 1, i % 100 <> 2, iif(i % 100 = 3, 'moderator', 'user'),
       -5000 + (i / 10) * 1000, 1
     FROM n`,
  )
    .bind(prefix, count)
    .run();
}
