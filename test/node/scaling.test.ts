import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import directories from "../../bench/directories/results.json" with { type: "json" };
import manyUsers from "../../bench/many-users.json" with { type: "json" };
import { ROUTES } from "../../bench/many-users.ts";
import { ASSUMED, ROUND_TRIPS, simulate } from "../measure/regions.ts";
import sizes from "../measure/row-sizes.json" with { type: "json" };
import { measureRowSizes } from "../measure/row-sizes.ts";
import { PAGE, withTables } from "./scaling-page.ts";

const page = readFileSync(PAGE, "utf8");

describe("docs/scaling.md", () => {
  it("has the tables that npm run docs:scaling writes", () => {
    expect(page.match(/<!-- table: \w+ -->/g)).toHaveLength(11);
    expect(page).toBe(withTables(page));
  });

  it("counts rows as large as SQLite stores them today", () => {
    const { user, event, archivedEvent } = measureRowSizes(10_000);
    expect(Math.abs(user / sizes.user - 1)).toBeLessThan(0.03);
    expect(Math.abs(event / sizes.event - 1)).toBeLessThan(0.03);
    expect(Math.abs(archivedEvent / sizes.archivedEvent - 1)).toBeLessThan(0.03);
  });

  it("says what the prototype of several directories was measured to need", () => {
    const { bytesMore, movedRows } = directories.users;
    const splitRows = 2.7 * (3 + movedRows / 2);
    expect(page).toContain(`A user takes ${bytesMore} more bytes`);
    expect(page).toContain(`and ${movedRows} rows for each user who moves: $${Math.round(splitRows)}.`);
  });

  it("shows a whole run of every route, in which none takes notably more of the machine with a million users", () => {
    expect(manyUsers.users).toEqual([1_000, 1_000_000]);
    expect(Object.keys(manyUsers.routes)).toEqual(Object.keys(ROUTES));
    for (const [route, [few, many]] of Object.entries(manyUsers.routes))
      expect(many?.cpu, route).toBeLessThan(1.25 * (few?.cpu ?? 0));
  });

  it("says at how many users one directory is full without events", () => {
    expect(page).toContain(`| ${(10e9 / sizes.user / 1e6).toFixed(1)} million |`);
  });
});

describe("the simulation of regions", () => {
  const regions = Object.keys(ROUND_TRIPS);
  const tokyo = regions.indexOf("Tokyo");

  it("gives the same figures each time", () => {
    expect(simulate("objects (Postern)", 100_000)).toEqual(simulate("objects (Postern)", 100_000));
  });

  it("lets a request wait for the slower of its two calls: the user in D1, far away", () => {
    const { me } = simulate("objects (Postern)", 100_000);
    const toPrimary = ROUND_TRIPS.Tokyo?.[ASSUMED.primary] ?? Number.NaN;
    expect(me[tokyo]?.p50).toBeGreaterThan(toPrimary);
    expect(me[tokyo]?.p50).toBeLessThan(toPrimary * 1.2);
  });

  it("lets the one writer of D1 fall behind once its work takes longer than the time it has", () => {
    const refreshAt = (users: number) => simulate("sessions in D1", users).refresh[ASSUMED.primary]?.p99 ?? Number.NaN;
    expect(refreshAt(100_000)).toBeLessThan(50);
    expect(refreshAt(1_000_000)).toBeGreaterThan(1_000);
  });
});
