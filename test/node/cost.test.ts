import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { PAGE, withTables } from "./cost-page.ts";

const page = readFileSync(PAGE, "utf8");

it("docs/cost.md has the tables that npm run docs:cost writes", () => {
  expect(page.match(/<!-- table: \w+ -->/g)).toHaveLength(4);
  expect(page).toBe(withTables(page));
});

it("docs/cost.md prices a million refreshes by their operations", () => {
  // A refresh takes one request, 7 ms, one call of an object, two rows written and eight rows read.
  expect(page).toContain(`| refresh | $${(0.3 + 7 * 0.02 + 0.15 + 2 * 1 + 8 * 0.001).toFixed(2)} | $0.14 |`);
});
