import { env } from "cloudflare:workers";

/**
 * Adds users like those of an import: they have random ids and were created in groups of ten at the same time, the
 * first groups before 1970. Of a hundred users, one is suspended, one is unverified and one is a moderator. Usernames
 * are `prefix` and a number, which counts from `first`.
 */
export async function importMany(prefix: string, count: number, first = 0): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO users (id, email, username, password_hash, is_active, is_verified, role, created_at, updated_at)
     WITH RECURSIVE n(i) AS (SELECT CAST(?3 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2 + ?3)
     SELECT lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' ||
         substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))),
       ?1 || i || '@example.org', ?1 || i, '!', i % 100 <> 1, i % 100 <> 2, iif(i % 100 = 3, 'moderator', 'user'),
       -5000 + (i / 10) * 1000, 1
     FROM n`,
  )
    .bind(prefix, count, first)
    .run();
}

/** Adds events of imported users, one per second from `begin` on. Each user has 20; the last has a rare type. */
export async function addEvents(prefix: string, begin: number, count: number, first = 0): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO audit_events (id, type, occurred_at, actor_id, user_id)
     WITH RECURSIVE n(i) AS (SELECT CAST(?4 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?3 + ?4),
       event(i, at, of) AS (SELECT i, CAST(?2 AS INTEGER) + i * 1000, i / 20 FROM n)
     SELECT printf('%08x-%04x-7000-8000-%012x', at >> 16, at & 65535, i), iif(i % 20 = 19, 'password_changed', 'login_succeeded'),
       at, users.id, users.id
     FROM event CROSS JOIN users ON lower(users.username) = ?1 || of`,
  )
    .bind(prefix, begin, count, first)
    .run();
}

/**
 * Like {@link addEvents}, but adds the events to the database for audit events, with other ids and with an address. The
 * events 600 to 619 belong to this user, all others to deleted users.
 */
export async function addArchivedEvents(userId: string, begin: number, count: number, first = 0): Promise<void> {
  await env.TEST_AUDIT_DB.prepare(
    `INSERT INTO archived_events (id, type, occurred_at, actor_id, user_id, ip_address)
     WITH RECURSIVE n(i) AS (SELECT CAST(?4 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?3 + ?4),
       event(i, at, of) AS (SELECT i, CAST(?2 AS INTEGER) + i * 1000, iif(i / 20 = 30, ?1, printf('00000000-0000-7000-8000-%012x', i / 20)) FROM n)
     SELECT printf('%08x-%04x-7001-8000-%012x', at >> 16, at & 65535, i), iif(i % 20 = 19, 'password_changed', 'login_succeeded'),
       at, of, of, '192.0.2.1'
     FROM event`,
  )
    .bind(userId, begin, count, first)
    .run();
}
