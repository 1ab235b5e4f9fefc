/** Changes of addresses in D1. Each step is one batch, which D1 runs as a transaction. */
import {
  and,
  eq,
  exists,
  gt,
  gte,
  isNotNull,
  isNull,
  lt,
  ne,
  notExists,
  or,
  type SQL,
  type SQLWrapper,
  sql,
} from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { anonymiseEvents } from "../audit/store.ts";
import type { Database } from "../db/client.ts";
import { emailChanges, users } from "../db/schema.ts";
import { NO_PASSWORD } from "../passwords/passwords.ts";
import { isBareRegistration, nextVersion } from "./store.ts";
import type { User } from "./user.ts";

export type EmailChange = typeof emailChanges.$inferSelect;

/** A change, its user as they are now, and who else has proved the new address. */
export interface EmailChangeReading {
  change: EmailChange | undefined;
  /** Whether the user has asked for no other change since. */
  isNewest: boolean;
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
  /**
   * Keeps a change that waits to be confirmed; one that the user asked for before can't be confirmed any more.
   * `false` where the user is no more, or began another epoch meanwhile.
   */
  request(change: EmailChange): Promise<boolean>;
  find(id: string): Promise<EmailChangeReading>;
  /** The changes of a user that are kept: those that something can still come of, and what became of the others. */
  listOf(userId: string): Promise<EmailChange[]>;
  /**
   * Gives the user the new address. Where it is one that they had before, it undoes what came in between:
   * addresses that the account only passed through have no say any more.
   */
  confirm(change: EmailChange, now: number): Promise<EmailChangeStep>;
  /**
   * Gives the user the old address back, or keeps it where the change still waits; begins the next epoch and
   * leaves no password. Every later change counts as undone with it.
   */
  undo(change: EmailChange, now: number): Promise<EmailChangeStep>;
  /** Deletes what was asked for too long ago for anything to come of it. */
  deleteStale(requestedBefore: number): Promise<void>;
}

const newer = alias(emailChanges, "newer");
const earlier = alias(emailChanges, "earlier");

export function createEmailChangeStore(db: Database): EmailChangeStore {
  const changeOf = (id: string) => db.select().from(emailChanges).where(eq(emailChanges.id, id));
  /** Ids are in the order in which the changes were asked for. */
  const newerThan = (id: string) =>
    db
      .select({ id: newer.id })
      .from(newer)
      .where(
        and(
          sql`${newer.userId} = (SELECT ${emailChanges.userId} FROM ${emailChanges} WHERE ${emailChanges.id} = ${id})`,
          gt(newer.id, id),
        ),
      )
      .limit(1);
  const bearer = (email: string, userId: string, more?: SQL) =>
    db
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.id, userId), eq(users.email, email), more));
  const someoneElse = (email: string, userId: string) =>
    db
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.email, email), ne(users.id, userId)));
  /** Two statements: whoever registered the address and never proved it is gone, and their events name nobody. */
  const makeRoom = (email: string, userId: string, change: SQLWrapper) => {
    const registered = and(eq(users.email, email), ne(users.id, userId), isBareRegistration, exists(change));
    return [
      anonymiseEvents(db, db.select({ id: users.id }).from(users).where(registered)),
      db.delete(users).where(registered),
    ] as const;
  };

  return {
    async request(change) {
      const { id, userId, oldEmail, newEmail, sessionEpoch, requestedAt } = change;
      const asked = await db
        .insert(emailChanges)
        .select(
          db
            .select({
              id: sql`${id}`.as("id"),
              userId: users.id,
              oldEmail: users.email,
              newEmail: sql`${newEmail}`.as("new_email"),
              sessionEpoch: users.sessionEpoch,
              requestedAt: sql`${requestedAt}`.as("requested_at"),
              confirmedAt: sql`NULL`.as("confirmed_at"),
              undoneAt: sql`NULL`.as("undone_at"),
            })
            .from(users)
            .where(and(eq(users.id, userId), eq(users.email, oldEmail), eq(users.sessionEpoch, sessionEpoch))),
        )
        .returning({ id: emailChanges.id });
      return asked.length > 0;
    },

    async find(id) {
      const [[change], laterOnes, [user], [holder]] = await db.batch([
        changeOf(id),
        newerThan(id),
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
      const isNewest = laterOnes.length === 0;
      return { change, isNewest, user, holder: holder?.id === user?.id ? undefined : holder };
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
            notExists(newerThan(id)),
          ),
        );
      const isTheirs = bearer(newEmail, userId);
      /** When they first left the address that this change leads back to. */
      const leftAt = db
        .select({ at: sql`min(${earlier.confirmedAt})` })
        .from(earlier)
        .where(and(eq(earlier.userId, userId), eq(earlier.oldEmail, newEmail), isNull(earlier.undoneAt)));
      const isConfirmedNow = db
        .select({ id: earlier.id })
        .from(earlier)
        .where(and(eq(earlier.id, id), eq(earlier.confirmedAt, now)));
      const [, , changed, , , [change], theirs, others] = await db.batch([
        ...makeRoom(newEmail, userId, waiting),
        db
          .update(users)
          .set({ email: newEmail, isVerified: true, updatedAt: nextVersion(now) })
          .where(and(eq(users.id, userId), exists(waiting), notExists(someoneElse(newEmail, userId))))
          .returning({ id: users.id }),
        db
          .update(emailChanges)
          .set({ confirmedAt: now })
          .where(
            and(
              eq(emailChanges.id, id),
              isNull(emailChanges.confirmedAt),
              isNull(emailChanges.undoneAt),
              notExists(newerThan(id)),
              exists(isTheirs),
            ),
          ),
        db
          .update(emailChanges)
          .set({ undoneAt: now })
          .where(
            and(
              eq(emailChanges.userId, userId),
              isNull(emailChanges.undoneAt),
              sql`${emailChanges.confirmedAt} >= (${leftAt})`,
              exists(isConfirmedNow),
            ),
          ),
        changeOf(id),
        isTheirs,
        someoneElse(newEmail, userId),
      ]);
      if (changed.length > 0) return { outcome: "done", isFirst: true };
      const stillIs = change?.undoneAt === null || theirs.length > 0;
      if (change !== undefined && change.confirmedAt !== null && stillIs) return { outcome: "done", isFirst: false };
      return { outcome: others.length > 0 ? "email_taken" : "dead" };
    },

    async undo({ id, userId, oldEmail }, now) {
      /** Where whoever asked for this change asked for another one, and confirmed that. */
      const overtaking = db
        .select({ id: newer.id })
        .from(newer)
        .where(
          and(
            eq(newer.userId, userId),
            eq(newer.oldEmail, oldEmail),
            gt(newer.id, id),
            isNotNull(newer.confirmedAt),
            isNull(newer.undoneAt),
          ),
        );
      const undoable = db
        .select()
        .from(emailChanges)
        .innerJoin(users, eq(users.id, emailChanges.userId))
        .where(
          and(
            eq(emailChanges.id, id),
            isNull(emailChanges.undoneAt),
            // Whatever whoever asked for the change has done since: a new password, or another change.
            or(isNotNull(emailChanges.confirmedAt), eq(users.email, oldEmail), exists(overtaking)),
          ),
        );
      const isBack = bearer(oldEmail, userId);
      const isUndone = bearer(oldEmail, userId, eq(users.passwordHash, NO_PASSWORD));
      const [, , changed, , [change], back, others] = await db.batch([
        ...makeRoom(oldEmail, userId, undoable),
        db
          .update(users)
          .set({
            email: oldEmail,
            passwordHash: NO_PASSWORD,
            isVerified: true,
            sessionEpoch: sql`${users.sessionEpoch} + 1`,
            updatedAt: nextVersion(now),
          })
          .where(and(eq(users.id, userId), exists(undoable), notExists(someoneElse(oldEmail, userId))))
          .returning({ id: users.id }),
        db
          .update(emailChanges)
          .set({ undoneAt: now })
          .where(
            and(
              eq(emailChanges.userId, userId),
              gte(emailChanges.id, id),
              isNull(emailChanges.undoneAt),
              exists(isUndone),
            ),
          ),
        changeOf(id),
        isBack,
        someoneElse(oldEmail, userId),
      ]);
      if (changed.length > 0) return { outcome: "done", isFirst: true };
      const wasUndone = change !== undefined && change.undoneAt !== null;
      if (wasUndone && back.length > 0) return { outcome: "done", isFirst: false };
      return { outcome: others.length > 0 ? "email_taken" : "dead" };
    },

    async deleteStale(requestedBefore) {
      await db.delete(emailChanges).where(lt(emailChanges.requestedAt, requestedBefore));
    },
  };
}
