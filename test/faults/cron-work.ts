/** Work for every task of the cron job. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { AuditEvent } from "../../src/audit/event-types.ts";
import { createId, systemRandom } from "../../src/platform/random.ts";
import { event } from "../support/events.ts";
import { newId, userInDirectory, visitor } from "./cast.ts";

/** Creates work for each task of the cron job. Returns functions that check whether the work is done. */
export async function cronWork() {
  const [id, name] = [newId(), crypto.randomUUID()];
  const { userId: mailed } = await userInDirectory();
  const { userId, sessionId } = await visitor();
  const mail = { id, requestedAt: Date.now(), event: { kind: "password_changed", userId: mailed } };
  const sessions = { userId, forgetsDevices: false, changesRole: false };
  const unproved = newId();
  const oldMail = createId(1_000, systemRandom);
  const [old, moved, personal] = [
    event({ occurredAt: 1_000 }),
    event({ type: "logged_out" }),
    event({ userId: unproved, actorId: unproved, ipAddress: "192.0.2.9" }),
  ];
  const insertEvent = ({ id: eventId, type, occurredAt, actorId, userId: owner, ipAddress }: AuditEvent) =>
    env.DB.prepare(
      "INSERT INTO audit_events (id, type, occurred_at, actor_id, user_id, ip_address) VALUES (?, ?, ?, ?, ?, ?)",
    ).bind(eventId, type, occurredAt, actorId, owner, ipAddress);
  const followUp = (key: string, kind: string, content: object) =>
    env.DB.prepare("INSERT INTO follow_ups (id, kind, content, due_at, failures) VALUES (?, ?, ?, 0, 0)").bind(
      ...[key, kind, JSON.stringify(content)],
    );
  // Tests that moved the clock may have left keys. With a key from the future, each run would make another key.
  await env.DB.prepare("DELETE FROM signing_keys WHERE signs_from > ?").bind(Date.now()).run();
  const [newest] = await env.DB.batch<{ sequence: number }>([
    env.DB.prepare("SELECT max(sequence) AS sequence FROM signing_keys"),
    env.DB.prepare("UPDATE signing_keys SET rotates_at = 1"),
    followUp(id, "mail", mail),
    // As after a change of the password: the session belongs to an earlier epoch.
    env.DB.prepare("UPDATE users SET session_epoch = 1 WHERE id = ?").bind(userId),
    followUp(newId(), "sessions", sessions),
    env.DB.prepare(
      "INSERT INTO registrations (id, email, username, password_hash, locale, created_at) VALUES (?1, ?1 || '@example.com', ?1, '!', 'en', 1)",
    ).bind(name),
    env.DB.prepare(
      "INSERT INTO users (id, email, username, password_hash, created_at, updated_at, is_verified) VALUES (?1, ?1 || '@example.com', ?1, '!', 1, 1, 0)",
    ).bind(unproved),
    env.DB.prepare(
      "INSERT INTO email_changes (id, user_id, old_email, new_email, session_epoch, requested_at) VALUES (?1, ?1, 'a@example.com', ?1 || '@example.com', 0, 1)",
    ).bind(name),
    env.DB.prepare(
      "INSERT INTO invitations (id, email, locale, invited_by, created_at, expires_at) VALUES (?1, ?1 || '@example.com', 'en', ?1, 1, 1)",
    ).bind(name),
    env.DB.prepare("INSERT INTO retired_usernames (digest, retired_until) VALUES (?, 1)").bind(name),
    env.DB.prepare("INSERT INTO suppressed_addresses (digest, refusals, suppressed_until) VALUES (?, 1, 1)").bind(name),
    env.DB.prepare(
      "INSERT INTO undelivered_emails (id, event, reason, failed_at, attempts) VALUES (?, '{}', 'smtp_timeout', 1, 31)",
    ).bind(oldMail),
    ...[old, moved, personal].map(insertEvent),
  ]);
  const last = newest?.results[0]?.sequence ?? 0;
  const count = async (from: string, ...values: unknown[]) =>
    env.DB.prepare(`SELECT count(*) AS n FROM ${from}`)
      .bind(...values)
      .first<number>("n");
  const archived = async (one: AuditEvent) =>
    env.TEST_AUDIT_DB.prepare("SELECT * FROM archived_events WHERE id = ?").bind(one.id).first();

  return {
    isQueued: ({ body }: { body: unknown }) => JSON.stringify(body).includes(id),
    async expectDone() {
      expect(await count("signing_keys WHERE sequence > ?", last), "one successor").toBe(1);
      expect(await count("follow_ups"), "follow-ups").toBe(0);
      const live = await env.USER_SESSIONS.getByName(userId).list();
      expect(
        live.map((session) => session.id),
        "sessions of an earlier epoch",
      ).not.toContain(sessionId);
      expect(await count("registrations WHERE id = ?", name), "registrations").toBe(0);
      expect(await count("users WHERE id = ?", unproved), "unproved users").toBe(0);
      expect(await count("email_changes WHERE id = ?", name), "email changes").toBe(0);
      expect(await count("invitations WHERE id = ?", name), "invitations").toBe(0);
      expect(await count("retired_usernames WHERE digest = ?", name), "retired usernames").toBe(0);
      expect(await count("suppressed_addresses WHERE digest = ?", name), "suppressions").toBe(0);
      expect(await count("undelivered_emails WHERE id = ?", oldMail), "emails that failed").toBe(0);
      const ids = [old, moved, personal].map((one) => one.id);
      expect(await count("audit_events WHERE id IN (?, ?, ?)", ...ids), "events in DB").toBe(0);
      expect(await archived(old), "an event that is too old").toBeNull();
      expect(await archived(moved), "a moved event").toMatchObject({ type: "logged_out" });
      expect(await archived(personal), "an event of a deleted user").toMatchObject({ ip_address: null });
      await env.DB.prepare("DELETE FROM signing_keys WHERE sequence > ?").bind(last).run();
      await env.DB.prepare("UPDATE signing_keys SET rotates_at = ?")
        .bind(Date.now() + 30 * 86_400_000)
        .run();
    },
  };
}
