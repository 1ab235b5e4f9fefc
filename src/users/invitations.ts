/**
 * Invitations in D1, and how they become users. The `users` table shows whether an invitation was used: its address
 * has an owner, or a user has the hash of its link. If an invitation was accepted or revoked, its row stays until its
 * links have expired, but without the address. The missing address shows that the links must be refused.
 */
import { and, desc, eq, exists, isNotNull, isNull, lt, notExists, or, type SQL, sql } from "drizzle-orm";
import { batchOf, type Database, HAS_CHANGED } from "../db/client.ts";
import { deleteSome } from "../db/delete-some.ts";
import { invitations, registrations, users } from "../db/schema.ts";
import { type Consequences, storing } from "../followups/consequences.ts";
import { refuse } from "../platform/refusal.ts";
import { ownerOf } from "./addresses.ts";
import { usernameTaken } from "./fields.ts";
import { anySuperuser } from "./first-superuser.ts";
import { canonicalName } from "./login-names.ts";
import type { Profile } from "./profile-fields.ts";
import type { User } from "./user.ts";
import { hasUsername, idsOf, nextVersion } from "./user-statements.ts";
import { retiredUsername, takeFromUnproved, usernameOwner } from "./usernames.ts";

type InvitationRow = typeof invitations.$inferSelect;

/** An invitation that was neither accepted nor revoked. Its links may have expired. */
export type Invitation = InvitationRow & { email: string };

/** What the invited person chose, and the hash of the link that they used. */
type Acceptance = Pick<User, "id" | "email" | "username" | "passwordHash" | "locale"> &
  Profile & { link: string; invitationId: string };

/** A text that sorts after every id. As the default of `before`, it selects the first page. */
const LAST_ID = "g";

export type InvitationStore = ReturnType<typeof createInvitationStore>;

export function createInvitationStore(db: Database) {
  const madeBy = (link: string) => idsOf(db, users, eq(users.verifiedByLink, link));
  /** Selects a row if the invitation was accepted or revoked. */
  const spent = (id: string) =>
    db
      .select({ id: invitations.id })
      .from(invitations)
      .where(and(eq(invitations.id, id), isNull(invitations.email)));

  return {
    /** Stores an invitation, unless its address has an owner. Returns whether the invitation was stored. */
    async add(
      { id, email, locale, invitedBy, createdAt, expiresAt }: Invitation,
      consequences: Consequences,
    ): Promise<boolean> {
      const { owners } = await batchOf(db, {
        add: db
          .insert(invitations)
          .select(
            sql`SELECT ${id}, ${email}, ${locale}, ${invitedBy}, ${createdAt}, ${expiresAt} WHERE ${notExists(ownerOf(db, email))}`,
          ),
        ...storing(db, consequences),
        owners: ownerOf(db, email),
      });
      return owners.length === 0;
    },

    /** Lists the invitations that were neither accepted nor revoked and whose address has no owner, newest first. */
    async list({ limit, before = LAST_ID }: { limit: number; before?: string | undefined }): Promise<Invitation[]> {
      const rows = await db
        .select()
        .from(invitations)
        .where(
          and(
            lt(invitations.id, before),
            isNotNull(invitations.email),
            // An earlier release, which does not know this table, may have accepted the invitation and left its row.
            notExists(ownerOf(db, sql`${invitations.email}`)),
          ),
        )
        .orderBy(desc(invitations.id))
        .limit(limit);
      return rows.filter(isUnspent);
    },

    /** The invitation with this id, if it was neither accepted nor revoked. */
    async find(id: string): Promise<Invitation | undefined> {
      const rows = await db.select().from(invitations).where(eq(invitations.id, id));
      return rows.find(isUnspent);
    },

    /**
     * Stores when the newest link of an invitation expires. Refuses if the invitation was accepted or revoked
     * meanwhile, or if its address has an owner.
     */
    async renew({ id, email, expiresAt }: Invitation, consequences: Consequences) {
      const { renewed, owners } = await batchOf(db, {
        renewed: db
          .update(invitations)
          .set({ expiresAt })
          .where(and(eq(invitations.id, id), eq(invitations.email, email), notExists(ownerOf(db, email))))
          .returning({ id: invitations.id }),
        ...storing(db, consequences),
        owners: ownerOf(db, email),
      });
      if (renewed.length > 0) return undefined;
      return owners.length > 0 ? refuse("email_taken") : refuse("not_found");
    },

    /**
     * Revokes an invitation, and every other invitation of its address. Returns `false` if there is no such invitation,
     * or if it was accepted or revoked before.
     */
    async revoke(id: string, consequences: Consequences): Promise<boolean> {
      const email = db.select({ email: invitations.email }).from(invitations).where(eq(invitations.id, id));
      const { revoked } = await batchOf(db, {
        revoked: db
          .update(invitations)
          .set({ email: null })
          .where(eq(invitations.email, sql`${email}`))
          .returning({ id: invitations.id }),
        ...storing(db, consequences),
      });
      return revoked.length > 0;
    },

    /** Whether an invitation needs an email: it was neither accepted nor revoked, and its address has no owner. */
    async isWanted(id: string, email: string): Promise<boolean> {
      const found = await batchOf(db, { owners: ownerOf(db, email), spent: spent(id) });
      return found.owners.length + found.spent.length === 0;
    },

    /**
     * Refuses an invitation that is used up: its address has an owner, or this very link made a user. With
     * `makesFirstSuperuser`, an invitation is also used up as soon as there is a superuser. Also refuses an invitation
     * that was revoked, or whose user was deleted.
     */
    async refuseSpent(
      { invitationId, email, link }: Pick<Acceptance, "invitationId" | "email" | "link">,
      makesFirstSuperuser: boolean,
    ) {
      const found = await batchOf(db, {
        owners: ownerOf(db, email),
        made: madeBy(link),
        superusers: makesFirstSuperuser ? anySuperuser(db) : madeBy(link),
        spent: spent(invitationId),
      });
      if (found.owners.length + found.made.length + found.superusers.length > 0) return refuse("invitation_used");
      return found.spent.length > 0 ? refuse("invalid_token") : undefined;
    },

    /**
     * Makes the invited person a verified user, and uses up every invitation of the address. If the address only has an
     * unproved registration (see `isBareRegistration`), the user replaces it. Unproved registrations of other addresses
     * lose the username. With `makesFirstSuperuser`, makes the user a superuser, or refuses if there is a superuser.
     */
    async accept(
      { id, link, invitationId, ...chosen }: Acceptance,
      {
        consequences,
        makesFirstSuperuser,
        now,
      }: { consequences: Consequences; makesFirstSuperuser: boolean; now: number },
    ) {
      const { email } = chosen;
      const rank = makesFirstSuperuser ? ({ role: "admin", isSuperuser: true } as const) : {};
      const username = canonicalName(chosen.username);
      const retired = retiredUsername(db, username, now);
      const otherSuperuser = makesFirstSuperuser ? anySuperuser(db, id) : undefined;
      const isAcceptable = and(
        otherSuperuser && notExists(otherSuperuser),
        notExists(ownerOf(db, email)),
        notExists(madeBy(link)),
        notExists(usernameOwner(db, username)),
        notExists(retired),
        notExists(spent(invitationId)),
      );
      // Only this request knows the id, so this row exists only if this request inserted the user.
      const inserted = idsOf(db, users, eq(users.id, id));
      const found = await batchOf(db, {
        // Other registrations of the address stay until they expire, so that the people who made them notice no change.
        spend: db
          .delete(registrations)
          .where(and(eq(registrations.email, email), hasUsername(registrations, username), isAcceptable)),
        ...takeFromUnproved(db, username, isAcceptable),
        // If the address, the username or the link is in use, nothing is inserted, because all three are unique.
        insert: db
          .insert(users)
          .values({ id, ...chosen, ...rank, isVerified: true, verifiedByLink: link, createdAt: now, updatedAt: now })
          .onConflictDoNothing(),
        dropIfRefused: db
          .delete(users)
          .where(
            and(
              eq(users.id, id),
              or(exists(retired), exists(spent(invitationId)), otherSuperuser && exists(otherSuperuser)),
            ),
          ),
        replaced: db
          .update(users)
          .set({ ...chosen, ...rank, isVerified: true, verifiedByLink: link, updatedAt: nextVersion(now) })
          .where(and(eq(users.email, email), isAcceptable))
          .returning({ id: users.id }),
        // Directly after the update, because `HAS_CHANGED` is about the statement before it.
        ...storing(db, consequences, sql`(${HAS_CHANGED} OR ${exists(inserted)})`),
        inserted,
        owners: ownerOf(db, email),
        made: madeBy(link),
        others: otherSuperuser ?? madeBy(link),
        revoked: spent(invitationId),
        spendInvitations: spendInvitations(
          db,
          email,
          exists(idsOf(db, users, and(eq(users.email, email), eq(users.verifiedByLink, link)))),
        ),
      });
      const [user] = [...found.inserted, ...found.replaced];
      if (user !== undefined) return { userId: user.id };
      if (found.owners.length + found.made.length + found.others.length > 0) return refuse("invitation_used");
      return found.revoked.length > 0 ? refuse("invalid_token") : usernameTaken();
    },

    /** Deletes up to `most` invitations whose links expired before `before`. Returns whether there may be more. */
    deleteStale: (before: number, most: number) =>
      deleteSome(db, invitations, { key: invitations.id, condition: lt(invitations.expiresAt, before), most }),
  };
}

/** Uses up every invitation of an address if a condition holds. From then on, their links are refused. */
export function spendInvitations(db: Database, email: string, condition: SQL) {
  return db
    .update(invitations)
    .set({ email: null })
    .where(and(eq(invitations.email, email), condition));
}

function isUnspent(row: InvitationRow): row is Invitation {
  return row.email !== null;
}
