import { and, eq, inArray, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { signingKeys } from "../db/schema.ts";

export type SigningKeyRow = typeof signingKeys.$inferSelect;

/** The columns with the sealed private key. */
export type SealedKey = Pick<SigningKeyRow, "id" | "sealedPrivateJwk">;

/**
 * A text that changes whenever a key is added, revoked or deleted. Every read of a user includes it, so that an isolate
 * learns of an emergency rotation without an extra round trip.
 */
export function selectKeyringVersion(db: Database) {
  return db
    .select({
      version: sql<string>`coalesce(max(${signingKeys.sequence}), 0) || '.' || count(${signingKeys.revokedAt}) || '.' || count(*)`,
    })
    .from(signingKeys);
}

/** Every key, and the version of the set. */
export async function readSigningKeys(db: Database): Promise<{ rows: SigningKeyRow[]; version: string }> {
  const [rows, [keyring]] = await db.batch([db.select().from(signingKeys), selectKeyringVersion(db)]);
  return { rows, version: keyring?.version ?? "" };
}

/** Adds a key, unless another isolate has already used its sequence number. Returns whether it was added. */
export async function addSigningKey(db: Database, row: SigningKeyRow): Promise<boolean> {
  const added = await db.insert(signingKeys).values(row).onConflictDoNothing().returning({ id: signingKeys.id });
  return added.length > 0;
}

/** Every key's sealed private half. */
export function readSealedKeys(db: Database): Promise<SealedKey[]> {
  return db.select({ id: signingKeys.id, sealedPrivateJwk: signingKeys.sealedPrivateJwk }).from(signingKeys);
}

/** Replaces a sealed private key, unless it changed since it was read. Returns whether it was replaced. */
export async function replaceSeal(db: Database, id: string, read: string, sealed: string): Promise<boolean> {
  const replaced = await db
    .update(signingKeys)
    .set({ sealedPrivateJwk: sealed })
    .where(and(eq(signingKeys.id, id), eq(signingKeys.sealedPrivateJwk, read)))
    .returning({ id: signingKeys.id });
  return replaced.length > 0;
}

/** Deletes keys that no longer verify any token. */
export async function deleteSigningKeys(db: Database, ids: string[]): Promise<void> {
  await db.delete(signingKeys).where(inArray(signingKeys.id, ids));
}
