/** Finds statements of a migration that break the release that still runs, or to which a rollback returns. */
import { isNewer, unusedSince } from "../../src/commands/rollback/contracted.ts";

interface Rule {
  name: string;
  pattern: RegExp;
}

const RULES: readonly Rule[] = [
  { name: "drops a table", pattern: /^DROP (TABLE|VIEW)\b/i },
  { name: "drops a column", pattern: /^ALTER TABLE \S+ DROP\b/i },
  { name: "renames", pattern: /^ALTER TABLE \S+ RENAME\b/i },
  { name: "adds a column that INSERT must name", pattern: /^ALTER TABLE \S+ ADD (?=.*\bNOT NULL\b)(?!.*\bDEFAULT\b)/i },
  { name: "adds a trigger", pattern: /^CREATE TRIGGER\b/i },
  { name: "deletes rows", pattern: /^DELETE FROM\b/i },
];

/**
 * The statements that contract the schema (drop or rename something), each with what it does. None if the migration
 * has a comment `-- Unused since <version>` and `previous` is that version or a later one.
 */
export function contractingStatements(migration: string, previous: string): string[] {
  const since = unusedSince(migration);
  if (since !== undefined && !isNewer(since, previous)) return [];
  const statements = migration
    .replaceAll(/--(?!> statement-breakpoint).*$/gm, "")
    .split(/--> statement-breakpoint|;/)
    .map((statement) => statement.replaceAll(/\s+/g, " ").trim());
  const made = statements.flatMap((statement) => /^CREATE TABLE (?:IF NOT EXISTS )?(\S+)/i.exec(statement)?.[1] ?? []);
  return statements.flatMap((statement) => {
    const broken = RULES.find(({ pattern }) => pattern.test(statement));
    const [, table] = /^CREATE UNIQUE INDEX \S+ ON (\S+)/i.exec(statement) ?? [];
    const isNewRule = table !== undefined && !made.includes(table);
    const what = broken?.name ?? (isNewRule ? "makes values unique that are not yet" : undefined);
    return what === undefined ? [] : [`${what}: ${statement}`];
  });
}
