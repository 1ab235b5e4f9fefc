/** The sealed factor keys in the rows of users. `factors/factor-key.ts` explains what a factor key is. */
import { and, asc, eq, gt, inArray, isNotNull, lt, or, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { users } from "../db/schema.ts";

interface StoredFactorKey {
  userId: string;
  sealed: string;
}

/** The character that sorts after a dot. In a sealed key, a dot follows the name of the secret. */
const AFTER_DOT = "/";

export type FactorKeyStore = ReturnType<typeof createFactorKeyStore>;

export function createFactorKeyStore(db: Database) {
  return {
    /**
     * Stores a user's key, unless there is one already. Returns the stored key; `undefined` if the user was deleted.
     */
    async keep(userId: string, sealed: string): Promise<string | undefined> {
      const [user] = await db
        .update(users)
        .set({ factorKey: sql`coalesce(${users.factorKey}, ${sealed})` })
        .where(eq(users.id, userId))
        .returning({ factorKey: sql<string>`${users.factorKey}` });
      return user?.factorKey;
    },

    /**
     * Lists keys that were sealed with any secret other than `secretName`, sorted by their text. Begins after the key
     * `after`.
     */
    listSealedByOthers(secretName: string, after: string, most: number): Promise<StoredFactorKey[]> {
      return db
        .select({ userId: users.id, sealed: sql<string>`${users.factorKey}` })
        .from(users)
        .where(
          and(
            isNotNull(users.factorKey),
            gt(users.factorKey, after),
            or(lt(users.factorKey, `${secretName}.`), gt(users.factorKey, secretName + AFTER_DOT)),
          ),
        )
        .orderBy(asc(users.factorKey))
        .limit(most);
    },

    /** Replaces keys, each only if it is still the one that was read. */
    async replace(replaced: readonly (StoredFactorKey & { by: string })[]): Promise<void> {
      const rows = sql`json_each(${JSON.stringify(replaced)})`;
      await db
        .update(users)
        .set({ factorKey: sql`(SELECT value ->> '$.by' FROM ${rows} WHERE value ->> '$.userId' = ${users.id})` })
        .where(
          and(
            inArray(users.id, sql`(SELECT value ->> '$.userId' FROM ${rows})`),
            inArray(users.factorKey, sql`(SELECT value ->> '$.sealed' FROM ${rows})`),
          ),
        );
    },
  };
}
