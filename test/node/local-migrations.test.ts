import { copyFileSync, globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openD1 } from "../../src/commands/d1.ts";
import { migrateLocally } from "../../src/commands/local-migrations.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { runProgram } from "./run-program.ts";
import { TREE } from "./tree-files.ts";

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "postern-[migrations]-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return folder;
}

/** An empty database, and the folder of its state. */
async function openEmpty() {
  const state = makeFolder();
  const { DB, dispose } = await openD1({ remote: false, persistTo: state }, TREE);
  onTestFinished(dispose);
  const named = async (sql: string) => (await DB.prepare(sql).all<{ name: string }>()).results.map(({ name }) => name);
  const applied = () => named("SELECT name FROM d1_migrations ORDER BY id");
  const tables = () => named("SELECT name FROM sqlite_schema WHERE name NOT LIKE '%migrations' AND type = 'table'");
  return { DB, state, applied, tables };
}

describe("the migrations of a local database", () => {
  it("touch no deployed database, even if the configuration says that the binding is remote", async () => {
    const root = makeFolder();
    const database = 'binding = "DB"\ndatabase_name = "mine"\ndatabase_id = "a-deployed-one"\nremote = true';
    writeFileSync(join(root, "wrangler.toml"), `name = "mine"\n[[d1_databases]]\n${database}\n`);
    // Without a login to Cloudflare, a remote binding would fail to open.
    const { DB, dispose } = await openD1({ remote: false, persistTo: root }, root);
    onTestFinished(dispose);
    await migrateLocally(DB, join(TREE, "migrations"));
    expect(globSync("v3/d1/*/*.sqlite", { cwd: root })).not.toEqual([]);
  });

  it("are all applied once, in order, even by two processes at once, and wrangler finds none left", async () => {
    const { DB, state, applied } = await openEmpty();
    // Each opening starts a runtime of its own.
    const other = await openD1({ remote: false, persistTo: state }, TREE);
    onTestFinished(other.dispose);
    const folder = join(TREE, "migrations");
    await Promise.all([migrateLocally(DB, folder), migrateLocally(other.DB, folder)]);
    await migrateLocally(DB, folder);
    expect(await applied()).toEqual(MIGRATIONS);
    const wrangler = join(TREE, "node_modules/wrangler/bin/wrangler.js");
    const words = [wrangler, "d1", "migrations", "list", "DB", "--local", "--persist-to", state];
    const { code, output } = await runProgram(process.execPath, words, { cwd: TREE });
    expect(code, output).toBe(0);
    expect(output).toContain("No migrations to apply");
  });

  it("go on after the last one that was applied, and leave nothing of one that fails", async () => {
    const { DB, applied, tables } = await openEmpty();
    const folder = makeFolder();
    const [first = "", second = ""] = globSync(join(TREE, "migrations/*.sql")).toSorted();
    copyFileSync(first, join(folder, basename(first)));
    writeFileSync(join(folder, "0001_broken.sql"), "CREATE TABLE half (a);--> statement-breakpoint\nCREATE NOTHING;");
    await expect(migrateLocally(DB, folder)).rejects.toThrow(/syntax error/);
    expect(await applied()).toEqual([basename(first)]);
    expect(await tables()).not.toContain("half");
    rmSync(join(folder, "0001_broken.sql"));
    copyFileSync(second, join(folder, basename(second)));
    await migrateLocally(DB, folder);
    expect(await applied()).toEqual([basename(first), basename(second)]);
  });
});
