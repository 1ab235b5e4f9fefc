/** The sealed factor keys in the rows of users. `factors/factor-key.ts` says what they are. */
import { and, asc, eq, gt, inArray, isNotNull, lt, or, sql } from "drizzle-orm";
import type { Database } from "../db/client.ts";
import { users } from "../db/schema.ts";

export interface StoredFactorKey {
  userId: string;
  sealed: string;
}

/** In the order of the alphabet, what follows the dot that ends the name of a secret. */
const AFTER_DOT = "/";

export type FactorKeyStore = ReturnType<typeof createFactorKeyStore>;

export function createFactorKeyStore(db: Database) {
  return {
    /** Keeps a user's key, unless there is one. Returns the one that is kept; `undefined` if the user was deleted. */
    async keep(userId: string, sealed: string): Promise<string | undefined> {
      const [user] = await db
        .update(users)
        .set({ factorKey: sql`coalesce(${users.factorKey}, ${sealed})` })
        .where(eq(users.id, userId))
        .returning({ factorKey: sql<string>`${users.factorKey}` });
      return user?.factorKey;
    },

    /** Keys that another secret than the named one has sealed, in the order of their text, from `after` on. */
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
