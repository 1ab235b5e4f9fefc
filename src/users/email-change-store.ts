/** Changes of addresses in D1. Each step is one batch, which D1 runs as a transaction. */
import { and, eq, exists, gte, isNotNull, isNull, lt, ne, notExists, or, type SQLWrapper, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { emailChanges, users } from "../db/schema.ts";
import { NO_PASSWORD } from "../passwords/passwords.ts";
import type { User } from "./user.ts";

export type EmailChange = typeof emailChanges.$inferSelect;

/** A change, its user as they are now, and who else has proved the new address. */
export interface EmailChangeReading {
  change: EmailChange | undefined;
  user: User | undefined;
  holder: User | undefined;
}

/** How a step ended. `isFirst` is false where it had been made before. */
export type EmailChangeStep =
  | { outcome: "done"; isFirst: boolean }
  /** Somebody else has proved the address meanwhile. */
  | { outcome: "email_taken" }
  /** Something newer has taken the change's place. */
  | { outcome: "dead" };

export interface EmailChangeStore {
  /** Keeps a change that waits to be confirmed, in the place of one that the user asked for before. */
  request(change: EmailChange): Promise<void>;
  find(id: string): Promise<EmailChangeReading>;
  /** The changes of a user that something can still come of. */
  listOf(userId: string): Promise<EmailChange[]>;
  /** Gives the user the new address. */
  confirm(change: EmailChange, now: number): Promise<EmailChangeStep>;
  /**
   * Gives the user the old address back, or keeps it where the change still waits; begins the next epoch and
   * leaves no password. Every later change counts as undone with it.
   */
  undo(change: EmailChange, now: number): Promise<EmailChangeStep>;
  /** Deletes what was asked for or confirmed too long ago for anything to come of it. */
  deleteStale(requestedBefore: number, confirmedBefore: number): Promise<void>;
}

export function createEmailChangeStore(db: Database): EmailChangeStore {
  /** Nobody but a registration that was never proved: whoever proves the address takes its place. */
  const isNobody = and(eq(users.isVerified, false), isNull(users.verifiedByLink), isNull(users.lastLoginAt));
  const changeOf = (id: string) => db.select().from(emailChanges).where(eq(emailChanges.id, id));
  const someoneElse = (email: string, userId: string) =>
    db
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.email, email), ne(users.id, userId)));
  const makeRoom = (email: string, userId: string, change: SQLWrapper) =>
    db.delete(users).where(and(eq(users.email, email), ne(users.id, userId), isNobody, exists(change)));

  return {
    async request(change) {
      await db.batch([
        db.delete(emailChanges).where(and(eq(emailChanges.userId, change.userId), isNull(emailChanges.confirmedAt))),
        db.insert(emailChanges).values(change),
      ]);
    },

    async find(id) {
      const [[change], [user], [holder]] = await db.batch([
        changeOf(id),
        db
          .select()
          .from(users)
          .where(
            sql`${users.id} = (SELECT ${emailChanges.userId} FROM ${emailChanges} WHERE ${emailChanges.id} = ${id})`,
          ),
        db
          .select()
          .from(users)
          .where(
            and(
              sql`${users.email} = (SELECT ${emailChanges.newEmail} FROM ${emailChanges} WHERE ${emailChanges.id} = ${id})`,
              eq(users.isVerified, true),
            ),
          ),
      ]);
      return { change, user, holder: holder?.id === user?.id ? undefined : holder };
    },

    listOf: (userId) => db.select().from(emailChanges).where(eq(emailChanges.userId, userId)),

    async confirm({ id, userId, oldEmail, newEmail, sessionEpoch }, now) {
      const waiting = db
        .select()
        .from(emailChanges)
        .innerJoin(users, eq(users.id, emailChanges.userId))
        .where(
          and(
            eq(emailChanges.id, id),
            isNull(emailChanges.confirmedAt),
            isNull(emailChanges.undoneAt),
            eq(users.email, oldEmail),
            eq(users.sessionEpoch, sessionEpoch),
          ),
        );
      const isTheirs = db
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.id, userId), eq(users.email, newEmail)));
      const [, changed, , [change], others] = await db.batch([
        makeRoom(newEmail, userId, waiting),
        db
          .update(users)
          .set({ email: newEmail, isVerified: true, updatedAt: sql`max(${now}, ${users.updatedAt} + 1)` })
          .where(and(eq(users.id, userId), exists(waiting), notExists(someoneElse(newEmail, userId))))
          .returning({ id: users.id }),
        db
          .update(emailChanges)
          .set({ confirmedAt: now })
          .where(and(eq(emailChanges.id, id), isNull(emailChanges.confirmedAt), exists(isTheirs))),
        changeOf(id),
        someoneElse(newEmail, userId),
      ]);
      if (changed.length > 0) return { outcome: "done", isFirst: true };
      if (change !== undefined && change.confirmedAt !== null && change.undoneAt === null)
        return { outcome: "done", isFirst: false };
      return { outcome: others.length > 0 ? "email_taken" : "dead" };
    },

    async undo({ id, userId, oldEmail, confirmedAt, sessionEpoch }, now) {
      const isUnchanged = and(eq(users.email, oldEmail), eq(users.sessionEpoch, sessionEpoch));
      const undoable = db
        .select()
        .from(emailChanges)
        .innerJoin(users, eq(users.id, emailChanges.userId))
        .where(
          and(
            eq(emailChanges.id, id),
            isNull(emailChanges.undoneAt),
            or(isNotNull(emailChanges.confirmedAt), isUnchanged),
          ),
        );
      const isUndone = db
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.id, userId), eq(users.email, oldEmail), eq(users.passwordHash, NO_PASSWORD)));
      const [, changed, , [change], others] = await db.batch([
        makeRoom(oldEmail, userId, undoable),
        db
          .update(users)
          .set({
            email: oldEmail,
            passwordHash: NO_PASSWORD,
            isVerified: true,
            sessionEpoch: sql`${users.sessionEpoch} + 1`,
            updatedAt: sql`max(${now}, ${users.updatedAt} + 1)`,
          })
          .where(and(eq(users.id, userId), exists(undoable), notExists(someoneElse(oldEmail, userId))))
          .returning({ id: users.id }),
        db
          .update(emailChanges)
          .set({ undoneAt: now })
          .where(
            and(
              eq(emailChanges.userId, userId),
              or(eq(emailChanges.id, id), gte(emailChanges.confirmedAt, confirmedAt ?? now)),
              isNull(emailChanges.undoneAt),
              exists(isUndone),
            ),
          ),
        changeOf(id),
        someoneElse(oldEmail, userId),
      ]);
      if (changed.length > 0) return { outcome: "done", isFirst: true };
      if (change !== undefined && change.undoneAt !== null) return { outcome: "done", isFirst: false };
      return { outcome: others.length > 0 ? "email_taken" : "dead" };
    },

    async deleteStale(requestedBefore, confirmedBefore) {
      await db
        .delete(emailChanges)
        .where(
          or(
            and(isNull(emailChanges.confirmedAt), lt(emailChanges.requestedAt, requestedBefore)),
            lt(emailChanges.confirmedAt, confirmedBefore),
          ),
        );
    },
  };
}
