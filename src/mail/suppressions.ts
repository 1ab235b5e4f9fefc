/**
 * Addresses that get no email for a while, because a mail server refused them permanently. Anyone can request emails to
 * made-up addresses, and repeated bounces damage the reputation of the operator's domain. Only the consumer of the mail
 * queue reads this list, so no response reveals it.
 */
import { and, eq, lte, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { deleteSome } from "../db/delete-some.ts";
import { suppressedAddresses } from "../db/schema.ts";
import { DAY } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";

/**
 * How long an address is suppressed after the first refusal. Each further refusal doubles the period. The first period
 * is short, so that the owner of a repaired mailbox does not wait long.
 */
const FIRST_PERIOD = DAY;
const LONGEST_PERIOD = 30 * DAY;
/** After this many doublings, the period is the longest. */
const MOST_DOUBLINGS = 5;

/** How long a row is kept after the suppression has ended. A refusal within this time still doubles the period. */
const REMEMBERED = 30 * DAY;

export type SuppressionList = ReturnType<typeof createSuppressionList>;

export function createSuppressionList(db: Database, secrets: Secrets) {
  const table = suppressedAddresses;
  /**
   * The table stores this MAC (a keyed hash) instead of the address, which may belong to a person without an account.
   * After a rotation of `AUTH_SECRET` no stored MAC matches, so the list is in effect empty.
   */
  const digestOf = (address: string) => encodeBase64url(secrets.sign("suppressed-address", utf8(address)));
  const isAddress = (address: string) => eq(table.digest, digestOf(address));

  return {
    /**
     * Returns when the suppression of the address ends, in milliseconds since the epoch. That time may have passed.
     * Returns `undefined` if the address is not in the table.
     */
    async find(address: string): Promise<number | undefined> {
      const [row] = await db.select({ until: table.suppressedUntil }).from(table).where(isAddress(address));
      return row?.until;
    },

    /**
     * Suppresses an address. Does nothing if it is suppressed already, so two refusals at the same time count as one.
     */
    async suppress(address: string, now: number) {
      const period = sql`min(${LONGEST_PERIOD}, ${FIRST_PERIOD} * (1 << ${table.refusals}))`;
      await db
        .insert(table)
        .values({ digest: digestOf(address), refusals: 1, suppressedUntil: now + FIRST_PERIOD })
        .onConflictDoUpdate({
          target: table.digest,
          set: {
            refusals: sql`min(${table.refusals} + 1, ${MOST_DOUBLINGS})`,
            suppressedUntil: sql`${now} + ${period}`,
          },
          setWhere: lte(table.suppressedUntil, now),
        });
    },

    /**
     * Deletes the row of an address if its suppression has ended. Call this after a mail server has accepted an email.
     * The next refusal then counts as the first.
     */
    async forget(address: string, now: number) {
      await db.delete(table).where(and(isAddress(address), lte(table.suppressedUntil, now)));
    },

    /** Ends the suppression of an address when an operator has requested an email to this address again. */
    async lift(address: string) {
      await db.delete(table).where(isAddress(address));
    },

    /** Deletes up to `most` rows whose suppression ended long ago. Returns whether there may be more. */
    deleteExpired: (now: number, most: number) =>
      deleteSome(db, table, { key: table.digest, condition: lte(table.suppressedUntil, now - REMEMBERED), most }),
  };
}
