/** Migrations of the deployed database: which are pending, and applying them, which wrangler does. */
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod";
import { begin, type Setting, tell } from "./setting.ts";
import { StepFailed } from "./step-failed.ts";

const rowsSchema = z.array(z.object({ results: z.array(z.record(z.string(), z.unknown())) }));

/** Reads from the deployed database. */
export async function queryDatabase({ account, cloudflare }: Setting, id: string, sql: string) {
  const answer = await cloudflare.post(`/accounts/${account}/d1/database/${id}/query`, { sql }, rowsSchema);
  return answer[0]?.results ?? [];
}

/** Applies what is pending. The released code still runs on the new schema: migrations only add until it is gone. */
export async function applyMigrations(setting: Setting, databaseId: string | undefined, config: string) {
  const { isDryRun, wrangler, world } = setting;
  const pending = await pendingMigrations(setting, databaseId);
  const names = pending.length > 3 ? `${pending.length}: ${pending[0]} to ${pending.at(-1)}` : pending.join(", ");
  if (pending.length === 0) return tell(setting, "Migrations", "none pending.");
  if (isDryRun) return tell(setting, "Migrations", `would apply ${names}.`);
  begin(setting, "Migrations", `applying ${names} …`);
  const { code, output, complaints } = await wrangler.run(
    ["d1", "migrations", "apply", "DB", "--remote", "--config", config],
    world.stop,
  );
  if (code !== 0) throw new StepFailed(`${output}${complaints}\nA migration failed. The code was not deployed.`);
  tell(setting, "Migrations", `applied ${names}.`);
}

/** The files that the database does not know yet, in their order. */
async function pendingMigrations(setting: Setting, databaseId: string | undefined): Promise<string[]> {
  const files = globSync(join(setting.world.root, "migrations", "*.sql")).map((path) => basename(path));
  if (databaseId === undefined) return files.toSorted();
  // Wrangler makes its table with the first migration.
  const tables = (await queryDatabase(setting, databaseId, TABLES)).map(({ name }) => name);
  const isMigrated = tables.includes("d1_migrations");
  if (!isMigrated && tables.length > 0) throw new StepFailed(explainStrangers(tables, setting));
  const rows = isMigrated ? await queryDatabase(setting, databaseId, "SELECT name FROM d1_migrations") : [];
  const applied = rows.map(({ name }) => name);
  return files.filter((file) => !applied.includes(file)).toSorted();
}

/** Without SQLite's tables and D1's own. */
const TABLES = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'
  AND name NOT LIKE '^_cf^_%' ESCAPE '^' ORDER BY name`;

function explainStrangers(tables: unknown[], { file, deployment }: Setting): string {
  const name = deployment.d1_databases.find(({ binding }) => binding === "DB")?.database_name;
  return `The database ${name} has tables of something else (${tables.slice(0, 5).join(", ")}). Postern needs one of its own.
Remove database_id from ${file.shown} and write another database_name there, under [[d1_databases]] with binding = "DB".`;
}
