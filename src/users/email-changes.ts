/** Changes of email addresses in D1. Each step is one batch, which D1 runs as a transaction. */
import {
  and,
  eq,
  exists,
  gt,
  gte,
  isNotNull,
  isNull,
  lt,
  notExists,
  or,
  type SQL,
  type SQLWrapper,
  sql,
} from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { batchOf, type Database } from "../db/client.ts";
import { deleteSome } from "../db/delete-some.ts";
import { emailChanges, users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { NO_PASSWORD } from "../passwords/passwords.ts";
import { refuse } from "../platform/refusal.ts";
import { giveAddress, otherHolder } from "./addresses.ts";
import { idsOf, nextEpoch } from "./user-statements.ts";

export type EmailChange = typeof emailChanges.$inferSelect;

export type EmailChangeStore = ReturnType<typeof createEmailChangeStore>;

const newer = alias(emailChanges, "newer");
const earlier = alias(emailChanges, "earlier");

export function createEmailChangeStore(db: Database) {
  const changeOf = (id: string) => db.select().from(emailChanges).where(eq(emailChanges.id, id));
  /** A column of a change, for the conditions of other statements. */
  const columnOf = (id: string, column: SQLWrapper) =>
    sql`(SELECT ${column} FROM ${emailChanges} WHERE ${emailChanges.id} = ${id})`;
  /** Selects a newer change of the same user. Ids are in the order of the requests. */
  const newerThan = (id: string) =>
    db
      .select({ id: newer.id })
      .from(newer)
      .where(and(eq(newer.userId, columnOf(id, emailChanges.userId)), gt(newer.id, id)))
      .limit(1);
  const withUser = (condition: SQL | undefined) =>
    db.select().from(emailChanges).innerJoin(users, eq(users.id, emailChanges.userId)).where(condition);
  const owner = (email: string, userId: string, more?: SQL) =>
    idsOf(db, users, and(eq(users.id, userId), eq(users.email, email), more));
  return {
    /**
     * Stores a change that waits to be confirmed. From then on, the user's earlier requests can't be confirmed. Returns
     * `false` if the user was deleted meanwhile, or if the user's address or session epoch has changed.
     */
    async request(change: EmailChange, consequences: Consequences) {
      const { id, userId, oldEmail, newEmail, sessionEpoch, requestedAt } = change;
      const ask = db
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
      const { asked } = await batchOf(db, { asked: ask, ...storing(db, consequences) });
      return asked.length > 0;
    },

    /**
     * Returns a change, its user as they are now, and the other user who has proved the new address, if there is one.
     * `isNewest`: the user has requested no other change since.
     */
    async find(id: string) {
      const found = await batchOf(db, {
        change: changeOf(id),
        newer: newerThan(id),
        user: db
          .select()
          .from(users)
          .where(eq(users.id, columnOf(id, emailChanges.userId))),
        holder: db
          .select()
          .from(users)
          .where(and(eq(users.email, columnOf(id, emailChanges.newEmail)), eq(users.isVerified, true))),
      });
      const [[change], [user], [holder]] = [found.change, found.user, found.holder];
      const isNewest = found.newer.length === 0;
      return { change, isNewest, user, holder: holder?.id === user?.id ? undefined : holder };
    },

    /** Every stored change of a user: waiting, confirmed or undone. */
    listOf: (userId: string) => db.select().from(emailChanges).where(eq(emailChanges.userId, userId)),

    /**
     * Gives the user the new address. If the user had this address before, all changes since then are cancelled,
     * including this one: no link can undo them. `isFirst` is false if the change had been confirmed before. Refuses
     * with `email_taken` if another account has proved the address meanwhile. Refuses with `invalid_token` if the
     * change was undone or cancelled, if a newer request exists, or if the user's address or session epoch has changed.
     */
    async confirm(
      { id, userId, oldEmail, newEmail, sessionEpoch }: EmailChange,
      { consequences, now }: { consequences: Consequences; now: number },
    ) {
      const isConfirmable = and(
        eq(emailChanges.id, id),
        isNull(emailChanges.confirmedAt),
        isNull(emailChanges.undoneAt),
        notExists(newerThan(id)),
      );
      const waiting = withUser(and(isConfirmable, eq(users.email, oldEmail), eq(users.sessionEpoch, sessionEpoch)));
      const isTheirs = owner(newEmail, userId);
      /** The time of the user's first change away from `newEmail`, if the user had this address before. */
      const leftAt = db
        .select({ at: sql`min(${earlier.confirmedAt})` })
        .from(earlier)
        .where(and(eq(earlier.userId, userId), eq(earlier.oldEmail, newEmail), isNull(earlier.undoneAt)));
      const isConfirmedNow = db
        .select({ id: earlier.id })
        .from(earlier)
        .where(and(eq(earlier.id, id), eq(earlier.confirmedAt, now)));
      const { changed, change, theirs, others } = await batchOf(db, {
        ...giveAddress(db, { id: userId, email: newEmail }, waiting, now),
        ...storing(db, consequences),
        confirm: db
          .update(emailChanges)
          .set({ confirmedAt: now })
          .where(and(isConfirmable, exists(isTheirs))),
        cancelThoseBetween: db
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
        change: changeOf(id),
        theirs: isTheirs,
        others: otherHolder(db, newEmail, userId),
      });
      if (changed.length > 0) return { isFirst: true };
      const [made] = change;
      const stillIs = made?.undoneAt === null || theirs.length > 0;
      if (made !== undefined && made.confirmedAt !== null && stillIs) return { isFirst: false };
      return refuse(others.length > 0 ? "email_taken" : "invalid_token");
    },

    /**
     * Gives the user the old address back, or lets them keep it if the change was never confirmed. Also undoes every
     * later change, begins the next session epoch and removes the password. `isFirst` is false if the change had been
     * undone before. Refuses with the same codes as `confirm`.
     */
    async undo(
      { id, userId, oldEmail }: EmailChange,
      { consequences, now }: { consequences: Consequences; now: number },
    ) {
      /** A later change from the same old address, if it was confirmed. */
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
      const undoable = withUser(
        and(
          eq(emailChanges.id, id),
          isNull(emailChanges.undoneAt),
          // A change can be undone even if the person who requested it has since changed the password or the address.
          or(isNotNull(emailChanges.confirmedAt), eq(users.email, oldEmail), exists(overtaking)),
        ),
      );
      const isBack = owner(oldEmail, userId);
      const hasNoPassword = owner(oldEmail, userId, eq(users.passwordHash, NO_PASSWORD));
      /**
       * Whether this call undoes the change. A missing password alone does not show this, because the user may have had
       * no password before.
       */
      const isFirstUse = db
        .select({ id: earlier.id })
        .from(earlier)
        .where(and(eq(earlier.id, id), isNull(earlier.undoneAt)));
      const { changed, change, back, others } = await batchOf(db, {
        ...giveAddress(db, { id: userId, email: oldEmail, passwordHash: NO_PASSWORD, ...nextEpoch() }, undoable, now),
        ...storing(db, consequences),
        undo: db
          .update(emailChanges)
          .set({ undoneAt: now })
          .where(
            and(
              eq(emailChanges.userId, userId),
              gte(emailChanges.id, id),
              isNull(emailChanges.undoneAt),
              exists(hasNoPassword),
              exists(isFirstUse),
            ),
          ),
        change: changeOf(id),
        back: isBack,
        others: otherHolder(db, oldEmail, userId),
      });
      const [user] = changed;
      if (user !== undefined) return { isFirst: true, user };
      const wasUndone = change[0] !== undefined && change[0].undoneAt !== null;
      if (wasUndone && back.length > 0) return { isFirst: false, user: undefined };
      return refuse(others.length > 0 ? "email_taken" : "invalid_token");
    },

    /** Deletes up to `most` changes that are too old to confirm or undo. Returns whether there may be more. */
    deleteStale: (requestedBefore: number, most: number) =>
      deleteSome(db, emailChanges, {
        key: emailChanges.id,
        condition: lt(emailChanges.requestedAt, requestedBefore),
        most,
      }),
  };
}
