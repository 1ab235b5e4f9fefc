/** A service that moves its audit events to a separate database. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { AuditEvent } from "../../src/audit/event-types.ts";
import type { Bindings } from "../../src/bindings.ts";
import { parseConfig } from "../../src/config/config.ts";
import { createServices } from "../../src/services.ts";
import { appWith } from "./client.ts";
import { event } from "./events.ts";
import { watchedDatabase } from "./watched-database.ts";

export const WITH_ARCHIVE = { AUDIT_DB: env.TEST_AUDIT_DB };
export const ARCHIVE_DOWN = {
  AUDIT_DB: watchedDatabase(env.TEST_AUDIT_DB, () => Promise.reject(new Error("it is down"))),
};

/** The app and the services with the database for audit events. */
export const archiving = appWith({}, WITH_ARCHIVE);
export const archivingIsolate = (bindings: Partial<Bindings> = {}) =>
  createServices({ ...env, ...WITH_ARCHIVE, ...bindings }, parseConfig(env));

/** Runs the task that moves events until nothing is left to move. */
export async function drain(services = archivingIsolate(), importedBefore = 0, most = 500): Promise<void> {
  const step = services.auditEvents.drain(importedBefore, most);
  while (await step());
  expect(await step(), "after the end").toBe(false);
}

/** Makes the copies of all events old enough, so that the next run deletes the originals. */
export async function settle(): Promise<void> {
  await env.TEST_AUDIT_DB.prepare("UPDATE archived_events SET stored_at = stored_at - 60").run();
}

/** The ids of a user's events in each database, oldest first. */
export async function placesOf(userId: string): Promise<{ staged: string[]; archived: string[] }> {
  const [staged, archived] = await Promise.all([
    rowsOf(env.DB, "audit_events"),
    rowsOf(env.TEST_AUDIT_DB, "archived_events"),
  ]);
  return { staged: staged.map(idOf), archived: archived.map(idOf) };

  async function rowsOf(d1: D1Database, table: string) {
    const query = `SELECT id FROM ${table} WHERE user_id = ? ORDER BY id`;
    return (await d1.prepare(query).bind(userId).all<{ id: string }>()).results;
  }
}

const idOf = ({ id }: { id: string }) => id;

/** How many of a user's events in either database have an address or a user agent. */
export async function personalEvents(userId: string): Promise<number> {
  const count = async (d1: D1Database, table: string) => {
    const query = `SELECT count(*) AS n FROM ${table} WHERE coalesce(actor_id, user_id) = ? AND coalesce(ip_address, user_agent) IS NOT NULL`;
    return (await d1.prepare(query).bind(userId).first<{ n: number }>())?.n ?? 0;
  };
  return (await count(env.DB, "audit_events")) + (await count(env.TEST_AUDIT_DB, "archived_events"));
}

/** A refused login, with an IP address and a user agent. */
export function refusedLogin(userId: string, more: Partial<AuditEvent> = {}): AuditEvent {
  return event({
    userId,
    ipAddress: "192.0.2.77",
    userAgent: "Telescope/2.0",
    requestId: "request-of-archive",
    details: { reason: "wrong_password" },
    ...more,
  });
}
