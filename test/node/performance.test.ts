import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { betterAuth } from "../../bench/better-auth.ts";
import { CASES, type CaseName } from "../../bench/cases.ts";
import { CONTESTANTS } from "../../bench/flags.ts";
import { floor } from "../../bench/floor.ts";
import { postern } from "../../bench/postern.ts";
import type { Results } from "../../bench/results.ts";
import { PAGE, PLOT, plotOf, RESULTS, withTables } from "./performance-page.ts";
import { type Bar, drawBars } from "./performance-plot.ts";

const CONTESTANTS_BY_NAME = { floor, postern, "better-auth": betterAuth };

const page = readFileSync(PAGE, "utf8");
const results: Results = JSON.parse(readFileSync(RESULTS, "utf8"));

describe("docs/performance.md", () => {
  it("has the tables and the plot that npm run docs:performance makes of the results", () => {
    expect(page.match(/<!-- table: \w+ -->/g)).toHaveLength(6);
    expect(page).toBe(withTables(page, results));
    expect(readFileSync(PLOT, "utf8")).toBe(plotOf(results));
  });

  it("shows a whole run: every case, with everybody who has it", () => {
    expect(Object.keys(results.cases)).toEqual(Object.keys(CASES));
    for (const name of Object.keys(CASES) as CaseName[]) {
      const having = CONTESTANTS.filter((contestant) => name in CONTESTANTS_BY_NAME[contestant].cases);
      expect(Object.keys(results.cases[name] ?? {}), name).toEqual(having);
    }
    expect(Object.keys(results.bundles)).toEqual([...CONTESTANTS]);
  });

  it("tells where Postern loses, and only there", () => {
    const figures = { cpu: 2, cpuLeast: 2, cpuMost: 2, perSecond: 1, p50: 1, p99: 1, requests: 1 };
    const trips = { sequential: 1, total: 1, rowsRead: 1, rowsWritten: 9 };
    const measured = { figures: { 1: figures, 32: figures }, trips, bytes: 10 };
    const better = { ...measured, trips: { ...trips, rowsWritten: 3 }, bytes: 9.5 };
    const made = withTables("<!-- table: losses -->\n<!-- end -->", {
      ...results,
      bundles: {},
      cases: { login: { postern: measured, "better-auth": better } },
    });
    expect(made.split("\n").filter((line) => line.startsWith("| login"))).toEqual(["| login | rows written | 9 | 3 |"]);
  });
});

describe("docs/performance.svg", () => {
  it("draws bars that are as long as their figures", () => {
    const bars: Bar[] = [
      { contestant: "floor", value: 5, label: "5" },
      { contestant: "postern", value: 20, label: "20" },
    ];
    const drawn = drawBars("Time", [{ title: "login", bars }], {
      floor: "floor",
      postern: "Postern",
      "better-auth": "other",
    });
    const widths = [...drawn.matchAll(/x="170" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    // The first number is the width of a square in the legend.
    expect(widths).toEqual([12, 122.5, 490]);
  });

  it("has the colors of light and dark pages", () => {
    const plot = readFileSync(PLOT, "utf8");
    expect(plot).toContain("prefers-color-scheme: dark");
    expect(plot).toContain("better-auth</text>");
  });
});
