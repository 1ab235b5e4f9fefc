/**
 * Finds out which releases still run on the schema. Each migration that removes something says in a comment which
 * release stopped using it.
 */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const UNUSED_SINCE = /^-- Unused since (\d+\.\d+\.\d+)/m;

/** The release that stopped using what this migration removes, or `undefined` if the migration only adds. */
export function unusedSince(migration: string): string | undefined {
  return UNUSED_SINCE.exec(migration)?.[1];
}

/** Whether a version number is higher than another. */
export function isNewer(version: string, than: string): boolean {
  return version.localeCompare(than, "en", { numeric: true }) > 0;
}

/**
 * The oldest release that runs on the schema of this checkout, and the migration that says so. `undefined` if every
 * release runs on this schema.
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
