/** Checks that data is of this release: both services of a move must have applied exactly this release's migrations. */
import { MIGRATIONS } from "../../db/migrations.ts";

/** How the migrations that `place` has applied differ from this release's, if they do. */
export function faultOfRelease(place: string, applied: readonly string[]): string | undefined {
  const lacking = MIGRATIONS.filter((name) => !applied.includes(name));
  const unknown = applied.filter((name) => !MIGRATIONS.includes(name));
  if (unknown.length > 0)
    return `${place} is of a newer release than this folder, which doesn't know ${unknown.join(", ")}. Use that release here.`;
  if (lacking.length > 0)
    return `${place} is of an older release than this folder: it lacks ${lacking.join(", ")}. Bring both places to one release first.`;
  return undefined;
}
