import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contractingStatements } from "../releases/contracting.ts";
import { migrationsIn, storedRelease } from "../releases/stored-release.ts";
import { TREE } from "./tree-files.ts";

const all = Object.entries(migrationsIn(TREE));
const known = Object.keys(storedRelease.migrations);

describe("the migrations", () => {
  it("begin with those of the stored release, unchanged", () => {
    expect(Object.fromEntries(all.slice(0, known.length))).toEqual(storedRelease.migrations);
  });

  it("take nothing away that the stored release uses", () => {
    const later = all.slice(known.length).map(([name]) => name);
    const faults = later.flatMap((name) =>
      contractingStatements(readFileSync(join(TREE, "migrations", name), "utf8"), storedRelease.version),
    );
    expect(faults).toEqual([]);
  });

  it.each([
    ["drops a table", "DROP TABLE `outbox`;"],
    ["drops a column", "ALTER TABLE `users` DROP COLUMN `phone`;"],
    ["renames", "ALTER TABLE `users` RENAME COLUMN `phone` TO `telephone`;"],
    ["renames", "ALTER TABLE `__new_users` RENAME TO `users`;"],
    ["adds a column that INSERT must name", "ALTER TABLE `users` ADD `country` text NOT NULL;"],
    ["makes values unique that are not yet", "CREATE UNIQUE INDEX `users_phone` ON `users` (`phone`);"],
    ["adds a trigger", "CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END;"],
    ["deletes rows", "DELETE FROM `retired_usernames` WHERE former_owner IS NULL;"],
  ])("may not contract: one that %s is noticed behind others", (what, statement) => {
    const migration = `CREATE INDEX \`a\` ON \`users\` (\`id\`);--> statement-breakpoint\n${statement}`;
    expect(contractingStatements(migration, "1.4.0")).toEqual([expect.stringMatching(`^${what}: `)]);
    expect(contractingStatements(`-- Unused since 1.4.0: nothing reads it.\n${statement}`, "1.4.0")).toEqual([]);
    expect(contractingStatements(`-- Unused since 1.4.0: nothing reads it.\n${statement}`, "1.10.0")).toEqual([]);
    expect(contractingStatements(`-- Unused since 1.5.0: nothing reads it.\n${statement}`, "1.4.0")).toHaveLength(1);
  });

  it.each([
    "ALTER TABLE `users` ADD `country` text;",
    "ALTER TABLE `users` ADD `logins_until` real DEFAULT 0 NOT NULL;",
    "DROP INDEX `users_role`;",
    "CREATE TABLE `grants` (\n\t`id` text PRIMARY KEY NOT NULL\n);\n--> statement-breakpoint\nCREATE UNIQUE INDEX `grants_id` ON `grants` (`id`);",
    "-- DROP TABLE users would be wrong here.\nCREATE INDEX `a` ON `users` (`id`);",
  ])("may expand: %s", (migration) => {
    expect(contractingStatements(migration, "1.4.0")).toEqual([]);
  });
});
