/** Finds the pending migrations of the deployed databases, and applies them with wrangler. */
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod";
import { boundDatabase, type Databases } from "./resources.ts";
import { begin, type Setting, tell } from "./setting.ts";
import { StepFailed } from "./step-failed.ts";

const rowsSchema = z.array(z.object({ results: z.array(z.record(z.string(), z.unknown())) }));

/** Reads from the deployed database. */
export async function queryDatabase({ account, cloudflare }: Setting, id: string, sql: string) {
  const answer = await cloudflare.post(`/accounts/${account}/d1/database/${id}/query`, { sql }, rowsSchema);
  return answer[0]?.results ?? [];
}

/** Applies the pending migrations of each bound database. */
export async function applyMigrations(setting: Setting, { directory, archive }: Databases, config: string) {
  await applyTo(setting, "DB", directory, config);
  if (boundDatabase(setting, "AUDIT_DB") !== undefined) await applyTo(setting, "AUDIT_DB", archive, config);
}

/**
 * Applies the migrations of one database. The old release keeps running on the new schema, because migrations only add
 * things that it ignores.
 */
async function applyTo(setting: Setting, binding: "DB" | "AUDIT_DB", databaseId: string | undefined, config: string) {
  const { isDryRun, wrangler, world } = setting;
  const pending = await pendingMigrations(setting, binding, databaseId);
  const names = pending.length > 3 ? `${pending.length}: ${pending[0]} to ${pending.at(-1)}` : pending.join(", ");
  const place = binding === "DB" ? "" : " for audit events";
  if (pending.length === 0) return tell(setting, "Migrations", `none pending${place}.`);
  if (isDryRun) return tell(setting, "Migrations", `would apply ${names}${place}.`);
  begin(setting, "Migrations", `applying ${names}${place} …`);
  const { code, output, complaints } = await wrangler.run(
    ["d1", "migrations", "apply", binding, "--remote", "--config", config],
    world.stop,
  );
  if (code !== 0) throw new StepFailed(`${output}${complaints}\nA migration failed. The code was not deployed.`);
  tell(setting, "Migrations", `applied ${names}${place}.`);
}

/** The migration files that the database lacks, oldest first. */
async function pendingMigrations(
  setting: Setting,
  binding: "DB" | "AUDIT_DB",
  databaseId: string | undefined,
): Promise<string[]> {
  const bound = boundDatabase(setting, binding);
  const folder = bound?.migrations_dir ?? "migrations";
  const files = globSync(join(setting.world.root, folder, "*.sql")).map((path) => basename(path));
  if (databaseId === undefined) return files.toSorted();
  // Wrangler creates its table `d1_migrations` with the first migration.
  const tables = (await queryDatabase(setting, databaseId, TABLES)).map(({ name }) => name);
  const isMigrated = tables.includes("d1_migrations");
  if (!isMigrated && tables.length > 0) throw new StepFailed(explainStrangers(tables, setting, binding));
  const rows = isMigrated ? await queryDatabase(setting, databaseId, "SELECT name FROM d1_migrations") : [];
  const applied = rows.map(({ name }) => name);
  return files.filter((file) => !applied.includes(file)).toSorted();
}

/** The names of all tables, without those of SQLite and of D1 itself. */
const TABLES = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'
  AND name NOT LIKE '^_cf^_%' ESCAPE '^' ORDER BY name`;

function explainStrangers(tables: unknown[], setting: Setting, binding: "DB" | "AUDIT_DB"): string {
  const { file } = setting;
  const name = boundDatabase(setting, binding)?.database_name;
  return `The database ${name} has tables of something else (${tables.slice(0, 5).join(", ")}). Postern needs one of its own.
Remove database_id from ${file.shown} and write another database_name there, under [[d1_databases]] with binding = "${binding}".`;
}
