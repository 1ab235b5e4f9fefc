/**
 * The factors that `npm run users:import` has added. They are stored in the user's row in D1 until the user's first
 * login, when the user's object takes them over. They already have the object's format: sealed seeds, and MACs of
 * recovery codes, both made with the user's factor key.
 */
import { inTime } from "../platform/clock.ts";
import type { NewFactor } from "./factor-records.ts";

export interface ImportedFactors {
  factors: NewFactor[];
  recoveryMacs: string[];
}

/** What D1 knows about a user's factors. */
interface KnownToDirectory {
  /** When the user's second factor was added, in milliseconds since the epoch; `null` if there is none. */
  since: number | null;
  /** `undefined` if none were imported, or if the user's object has already taken them over. */
  imported: ImportedFactors | undefined;
}

/** @throws if D1 does not answer in time. Then the caller must not open a session */
export async function readKnownFactors(db: D1Database, userId: string): Promise<KnownToDirectory> {
  const select = db
    .prepare("SELECT `second_factor_since`, `imported_factors` FROM `users` WHERE `id` = ?")
    .bind(userId);
  const row = await inTime(select.first<{ second_factor_since: number | null; imported_factors: string | null }>());
  const imported = row?.imported_factors ?? undefined;
  return { since: row?.second_factor_since ?? null, imported: imported && JSON.parse(imported) };
}
