/** The directory's database as a command reaches it: through wrangler, on this machine or deployed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as z from "zod";
import type { Place } from "./flags.ts";
import type { Surroundings } from "./surroundings.ts";
import { findWrangler, NOT_INSTALLED } from "./wrangler.ts";

/** An exit code that is not 0: whoever runs the command has been told why. */
export interface Failed {
  failed: number;
}

export interface CommandDatabase {
  /**
   * Runs statements as one transaction. `shape` is of what wrangler prints: `{ results }` for each of them.
   * The text may be 100 KB long, which is also what D1 takes. Others on this machine can see it, in the list of
   * processes: it must hold no secret.
   */
  query<Shape extends z.ZodType>(sql: string, shape: Shape): Promise<z.output<Shape> | Failed>;
  /** Runs statements of any length, each of 100 KB at most, as one transaction. Tells nothing of their rows. */
  run(statements: readonly string[]): Promise<Failed | undefined>;
}

/** The database, or `undefined` where the packages are not installed, which is then said. */
export function openCommandDatabase(
  { remote, persistTo }: Place,
  { root, stop, complain }: Surroundings,
): CommandDatabase | undefined {
  const wrangler = findWrangler(root);
  if (wrangler === undefined) {
    complain(`${NOT_INSTALLED}\n`);
    return undefined;
  }
  const where = remote ? ["--remote"] : ["--local"];
  if (persistTo !== undefined) where.push(`--persist-to=${persistTo}`);
  const execute = (...what: string[]) =>
    wrangler.run(["d1", "execute", "DB", ...where, "--json", "--yes", ...what], stop);

  function fail(code: number, output: string): Failed {
    complain(`${output}\nThe database did not answer: nothing is known to have changed.\n`);
    const makeTables = remote
      ? "`npx wrangler d1 migrations apply DB --remote` makes them."
      : "`npm run dev` makes them, in the state folder that it is given.";
    if (output.includes("no such table")) complain(`It has no tables yet: ${makeTables}\n`);
    return { failed: code === 0 ? 1 : code };
  }

  return {
    async query(sql, shape) {
      const { code, output, complaints } = await execute("--command", sql);
      const answer = shape.safeParse(parseJson(output));
      return code === 0 && answer.success ? answer.data : fail(code, output + complaints);
    },
    async run(statements) {
      const folder = mkdtempSync(join(tmpdir(), "postern-statements-"));
      try {
        const file = join(folder, "statements.sql");
        writeFileSync(file, statements.map((statement) => `${statement};\n`).join(""), { mode: 0o600 });
        const { code, output, complaints } = await execute("--file", file);
        return code === 0 ? undefined : fail(code, output + complaints);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

/** A text as SQL writes one. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Rows for a statement to read: `SELECT value ->> '$.name' FROM json_each(…)`. */
export function jsonRows(rows: readonly object[]): string {
  // JSON escapes what a text of SQL can't hold. Spaces and semicolons too, since wrangler looks for statements
  // inside of texts as well, and cuts out what it takes for one.
  const text = JSON.stringify(rows).replaceAll(" ", "\\u0020").replaceAll(";", "\\u003b");
  return `json_each(${quote(text)})`;
}

/** The database's own clock, in milliseconds: that of the operator's machine may be off. */
export const DATABASE_NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
