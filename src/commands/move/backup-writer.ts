/** Writes a backup: the whole database as SQL, in the format of the container's `backup` and `restore`. */
import { closeSync, fsyncSync, openSync, rmSync, writeFileSync } from "node:fs";
import type { Value } from "../../db/directory-copy.ts";
import { quoted, type Table } from "../../db/tables.ts";

/** The last line. A file without this line is incomplete. */
export const END_OF_BACKUP = "-- End of the backup.";

// Characters that would break a statement into several lines, or that make some programs end the text early.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f]/;

/** A new file that only this user can read. Closing it as incomplete deletes the file. */
export function openBackup(path: string) {
  const descriptor = openSync(path, "wx", 0o600);
  const write = (lines: readonly string[]) => writeFileSync(descriptor, lines.map((line) => `${line}\n`).join(""));
  write(["PRAGMA defer_foreign_keys=TRUE;"]);
  return {
    statements(statements: readonly string[]) {
      write(statements.map((statement) => `${statement};`));
    },
    rows({ name, columns }: Pick<Table, "name" | "columns">, rows: readonly Value[][]) {
      const start = `INSERT INTO ${quoted(name)} (${quoted(...columns)}) VALUES (`;
      write(rows.map((row) => `${start}${row.map(literalOf).join(",")});`));
    },
    close(isComplete: boolean) {
      if (isComplete) {
        write([END_OF_BACKUP]);
        fsyncSync(descriptor);
      }
      closeSync(descriptor);
      if (!isComplete) rmSync(path);
    },
  };
}

function literalOf(value: Value): string {
  if (value === null) return "NULL";
  if (typeof value === "number") return String(value);
  if (UNPRINTABLE.test(value)) return `CAST(X'${Buffer.from(value).toString("hex")}' AS TEXT)`;
  return `'${value.replaceAll("'", "''")}'`;
}
