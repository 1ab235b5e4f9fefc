/** How the operator's commands make superusers in D1. */
import { and, eq, notExists, type SQL, sql } from "drizzle-orm";
import type { SQLiteUpdateSetSource } from "drizzle-orm/sqlite-core";
import type { AuditEvent } from "../audit/event-types.ts";
import { batchOf, type Database } from "../db/client.ts";
import { auditEvents, users } from "../db/schema.ts";
import { type Consequences, storing, tellingSessions } from "../followups/consequences.ts";
import { canonicalName } from "./login-names.ts";
import { newProfile } from "./profile-fields.ts";
import { type User, wasNeverProved } from "./user.ts";
import { nextEpoch, nextVersion, spendRegistration } from "./user-statements.ts";
import { retiredUsername, takeFromUnproved, usernameOwner } from "./usernames.ts";

/** The id and the time of the audit event that records the grant. */
type GrantEvent = Pick<AuditEvent, "id" | "occurredAt">;

export function createSuperuserStore(db: Database) {
  return {
    /**
     * Makes an active, verified user a superuser. Returns `false` if the user is not active or verified, or is a
     * superuser already.
     */
    promote(id: string, event: GrantEvent): Promise<boolean> {
      const isMeant = and(eq(users.id, id), eq(users.isVerified, true), eq(users.isSuperuser, false));
      return grant(id, isMeant, {}, event);
    },

    /** Whether a proved user could take the username. Ignores the user `except`, and waiting registrations. */
    async isUsernameFree(name: string, now: number, except?: string) {
      const username = canonicalName(name);
      const { owner, retired } = await batchOf(db, {
        owner: usernameOwner(db, username, except),
        retired: retiredUsername(db, username, now),
      });
      return owner.length + retired.length === 0;
    },

    /**
     * Makes an account with an unverified address a superuser, with this password. The person who registered the
     * account loses access to it. If that person never proved the address, the account also gets the name `username`,
     * and its profile is removed. Returns `false` if the username is taken, if the account is not active, or if the
     * address was verified or the session epoch has changed meanwhile.
     */
    takeOver(
      user: User,
      { passwordHash, username }: Pick<User, "passwordHash" | "username">,
      event: GrantEvent,
    ): Promise<boolean> {
      const { id, sessionEpoch } = user;
      const isMeant = and(eq(users.id, id), eq(users.isVerified, false), eq(users.sessionEpoch, sessionEpoch));
      const values = { passwordHash, passwordBlockedAt: null, isVerified: true, ...nextEpoch() };
      if (!wasNeverProved(user)) return grant(id, isMeant, values, event);
      const name = canonicalName(username);
      const isFree = and(
        notExists(usernameOwner(db, name, id)),
        notExists(retiredUsername(db, name, event.occurredAt)),
      );
      return grant(id, and(isMeant, isFree), { ...values, username, ...newProfile({}) }, event);
    },
  };

  /**
   * Makes a user a superuser if the user is active and meets a condition. Records this in the same transaction. A
   * command can't reach the user's session object, so the cron job tells the object later.
   */
  async function grant(
    id: string,
    condition: SQL | undefined,
    values: SQLiteUpdateSetSource<typeof users> & { username?: string },
    event: GrantEvent,
  ): Promise<boolean> {
    const consequences: Consequences = {
      events: [],
      followUps: [tellingSessions(event.id, { userId: id, changesRole: true })],
      dueAt: event.occurredAt,
    };
    const type: AuditEvent["type"] = "superuser_granted";
    const isMeant = and(condition, eq(users.isActive, true));
    const isRecorded = sql`EXISTS (SELECT 1 FROM ${auditEvents} WHERE ${auditEvents.id} = ${event.id})`;
    const { granted } = await batchOf(db, {
      event: db
        .insert(auditEvents)
        .select(
          sql`SELECT ${event.id}, ${type}, ${event.occurredAt}, NULL, ${users.id}, NULL, NULL, NULL, NULL FROM ${users} WHERE ${isMeant}`,
        ),
      spent: spendRegistration(
        db,
        sql`(SELECT ${users.email} FROM ${users} WHERE ${users.id} = ${id})`,
        and(eq(users.id, id), isRecorded),
      ),
      ...takeFromUnproved(db, canonicalName(values.username ?? ""), isRecorded),
      granted: db
        .update(users)
        .set({ ...values, role: "admin", isSuperuser: true, updatedAt: nextVersion(event.occurredAt) })
        .where(isMeant)
        .returning({ id: users.id }),
      ...storing(db, consequences),
    });
    return granted.length > 0;
  }
}
