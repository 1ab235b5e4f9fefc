/**
 * What migrations have removed, and which releases still used it. Each migration that removes something says so in a
 * comment.
 */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const UNUSED_SINCE = /^-- Unused since (\d+\.\d+\.\d+)/m;

/** The release that stopped using what this migration takes away, or `undefined` if it only adds. */
export function unusedSince(migration: string): string | undefined {
  return UNUSED_SINCE.exec(migration)?.[1];
}

/** Whether a version number is higher than another. */
export function isNewer(version: string, than: string): boolean {
  return version.localeCompare(than, "en", { numeric: true }) > 0;
}

/**
 * The oldest release that runs on the schema of this tree, and the migration that says so. `undefined` if every release
 * runs on it.
 */
export function oldestRelease(root: string): { version: string; migration: string } | undefined {
  return globSync(join(root, "migrations", "*.sql"))
    .flatMap((path) => {
      const version = unusedSince(readFileSync(path, "utf8"));
      return version === undefined ? [] : [{ version, migration: basename(path) }];
    })
    .toSorted((left, right) => (isNewer(left.version, right.version) ? -1 : 1))
    .at(0);
}
