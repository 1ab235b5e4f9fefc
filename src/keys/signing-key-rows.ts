import { and, eq, gt, inArray, isNull, lte, type SQL, sql } from "drizzle-orm";
import { insertEvent } from "../audit/event-store.ts";
import type { AuditEvent } from "../audit/event-types.ts";
import { batchOf, type Database, HAS_CHANGED } from "../db/client.ts";
import { signingKeys } from "../db/schema.ts";

export type SigningKeyRow = typeof signingKeys.$inferSelect;

/** The columns with the sealed private key. */
export type SealedKey = Pick<SigningKeyRow, "id" | "sealedPrivateJwk">;

/**
 * A text that changes whenever a key is added, revoked, deleted or replaced. Logins, refreshes and checks of access
 * tokens read this text with the user, so an isolate learns of an emergency rotation without an extra round trip.
 */
export function selectKeyringVersion(db: Database) {
  return db
    .select({
      version: sql<string>`coalesce(max(${signingKeys.sequence}), 0) || '.' || count(${signingKeys.revokedAt}) || '.' || count(*) || '.' || coalesce(max(${signingKeys.id}), '')`,
    })
    .from(signingKeys);
}

/** The version in the result of {@link selectKeyringVersion}, which always has one row. */
export function versionIn(found: readonly { version: string }[]): string {
  return found.map(({ version }) => version).join("");
}

/** Every key, and the version of the set. */
export async function readSigningKeys(db: Database): Promise<{ rows: SigningKeyRow[]; version: string }> {
  const { rows, keyring } = await batchOf(db, {
    rows: db.select().from(signingKeys),
    keyring: selectKeyringVersion(db),
  });
  return { rows, version: versionIn(keyring) };
}

/**
 * Adds a key and an audit event, unless another isolate has already used the key's sequence number. Returns whether the
 * key was added.
 */
export async function addSigningKey(db: Database, row: SigningKeyRow, event: AuditEvent): Promise<boolean> {
  const { added } = await batchOf(db, {
    added: db.insert(signingKeys).values(row).onConflictDoNothing().returning({ id: signingKeys.id }),
    event: insertEvent(db, event, HAS_CHANGED),
  });
  return added.length > 0;
}

/** Every key's sealed private half. */
export function readSealedKeys(db: Database): Promise<SealedKey[]> {
  return db.select({ id: signingKeys.id, sealedPrivateJwk: signingKeys.sealedPrivateJwk }).from(signingKeys);
}

/**
 * Replaces a sealed private key and records the event, unless the sealed key has changed since it was read. Returns
 * whether it was replaced.
 */
export async function replaceSeal(
  db: Database,
  { id, sealedPrivateJwk }: SealedKey,
  sealed: string,
  event: AuditEvent,
): Promise<boolean> {
  const { replaced } = await batchOf(db, {
    replaced: db
      .update(signingKeys)
      .set({ sealedPrivateJwk: sealed })
      .where(and(eq(signingKeys.id, id), eq(signingKeys.sealedPrivateJwk, sealedPrivateJwk)))
      .returning({ id: signingKeys.id }),
    event: insertEvent(db, event, HAS_CHANGED),
  });
  return replaced.length > 0;
}

/** Deletes keys that no longer verify any token. */
export async function deleteSigningKeys(db: Database, ids: string[]): Promise<void> {
  await db.delete(signingKeys).where(inArray(signingKeys.id, ids));
}

/**
 * Makes the key `id` due for a successor. Returns a list with the id of the key. The list is empty if the key was
 * already due, does not sign yet or is revoked.
 */
export function makeKeyDue(db: Database, id: string, change: AuditEvent): Promise<string[]> {
  const now = change.occurredAt;
  const meant = and(eq(signingKeys.id, id), lte(signingKeys.signsFrom, now), gt(signingKeys.rotatesAt, now));
  return changeKeys(db, and(meant, isNull(signingKeys.revokedAt)), { rotatesAt: now }, change);
}

/** Revokes the key `id`, or every key if `id` is `undefined`. Returns the ids of the keys that this call revoked. */
export function revokeKeys(db: Database, id: string | undefined, change: AuditEvent): Promise<string[]> {
  const isMeant = id === undefined ? undefined : eq(signingKeys.id, id);
  return changeKeys(db, and(isNull(signingKeys.revokedAt), isMeant), { revokedAt: change.occurredAt }, change);
}

/** Changes keys and records the change with their ids, in one transaction. */
async function changeKeys(
  db: Database,
  meant: SQL | undefined,
  values: Partial<SigningKeyRow>,
  event: AuditEvent,
): Promise<string[]> {
  const details = sql`(SELECT json_object('key_ids', group_concat(${signingKeys.id}, ' ')) FROM ${signingKeys} WHERE ${meant})`;
  const isAny = sql`EXISTS (SELECT 1 FROM ${signingKeys} WHERE ${meant})`;
  const { changed } = await batchOf(db, {
    event: insertEvent(db, { ...event, details }, isAny),
    changed: db.update(signingKeys).set(values).where(meant).returning({ id: signingKeys.id }),
  });
  return changed.map((key) => key.id);
}
