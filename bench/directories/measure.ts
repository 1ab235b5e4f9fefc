/**
 * `npm run measure:directories`: measures what operations cost if users are in one database or in several, on a local
 * workerd. Prints a table, and writes results.json for docs/scaling.md.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTestHarness } from "wrangler";
import { table } from "../../test/node/page-tables.ts";
import type { Cost, Measured, Plan } from "./worker.ts";

const DIRECTORIES = [1, 4, 6, 16];
const USERS = 10_000;

const migrations = globSync("migrations/*.sql")
  .toSorted()
  .flatMap((path) => readFileSync(path, "utf8").split("--> statement-breakpoint"));

const costs: Record<string, Record<string, Cost>> = {};
const users = { count: USERS, bytesMore: 0, movedRows: 0 };
for (const directories of DIRECTORIES) {
  const server = createTestHarness({ root: import.meta.dirname, workers: [{ configPath: "wrangler.toml" }] });
  try {
    await server.listen();
    const plan: Plan = { migrations, directories, users: USERS };
    const response = await server.fetch("/", { method: "POST", body: JSON.stringify(plan) });
    if (!response.ok) throw new Error(await response.text());
    const measured = (await response.json()) as Measured;
    // Only for one database: with several, rows fill their SQLite pages less, so the figure would be too high.
    if (directories === 1) users.bytesMore = measured.bytesMore;
    users.movedRows = measured.movedRows;
    for (const [operation, cost] of Object.entries(measured.costs))
      costs[operation] = { ...costs[operation], [directories]: cost };
  } finally {
    await server.close();
  }
}
writeFileSync(join(import.meta.dirname, "results.json"), `${JSON.stringify({ users, costs }, null, 2)}\n`);

const cells = (cost: Cost | undefined) =>
  cost === undefined ? "–" : `${cost.sequential} / ${cost.calls} / ${cost.rowsRead} / ${cost.rowsWritten}`;
const rows = Object.entries(costs).map(([operation, by]) => [
  operation,
  ...DIRECTORIES.map((count) => cells(by[count])),
]);
const head = [
  "sequential hops / calls / rows read / rows written",
  ...DIRECTORIES.map((count) => `${count} databases`),
];
process.stdout.write(`${table([head, head.map(() => "---"), ...rows])}\n${JSON.stringify(users)}\n`);
