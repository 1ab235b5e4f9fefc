import { describe, expect, it } from "vitest";
import { MORTAL, missing, soak } from "../soak/soak.ts";
import { growth } from "../soak/trend.ts";
import { askShared, type Prepared, useClone } from "./live-service.ts";

/** The time limit, in milliseconds. The run itself is short, so only a very busy machine needs this long. */
const PATIENCE = 400_000;

describe("a service that is used for years", { timeout: PATIENCE }, () => {
  const clone = useClone();

  /** A short form of `npm run test:soak`. It does not check growth, because everything is still warming up. */
  it("lets go of all that has a lifetime, without a request for it", async () => {
    const prepared = await askShared<Prepared>("prepared");
    const { faults, left } = await soak(clone, {
      ...{ duration: 4_500, year: 1_500, leastLogins: 10, people: 6, rest: 20, windows: 6, seed: 1, prepared },
      tell: () => {},
    });
    expect(faults).toEqual([]);
    for (const name of MORTAL) expect(left.rows[name], `${name} in the end`).toBe(0);
  });
});

describe("the trend of a soak", () => {
  const stored = { rows: { ...Object.fromEntries(MORTAL.map((name) => [name, 100])), users: 100, signing_keys: 3 } };
  const window = { number: 1, times: [], held: 8e6, memory: 400e6, directory: 1e6, objects: 1e6, ...stored };
  const twelve = Array.from({ length: 12 }, () => window);

  it("is flat where nothing changes, and where all growth was in the first third", () => {
    expect(growth(twelve)).toEqual([]);
    const warming = { ...window, held: 1e6, memory: 1e6, directory: 1, objects: 1, rows: {} };
    expect(growth([warming, warming, warming, warming, ...twelve.slice(4)])).toEqual([]);
  });

  it("says nothing where nothing happened or nothing was read, which is a fault", () => {
    const none = Object.fromEntries(MORTAL.map((name) => [name, 0]));
    const left = { ...window, rows: { ...none, users: 1, signing_keys: 1 } };
    const answers = new Map([["log in 200", 1]]);
    expect(missing({ answers, windows: twelve, left })).toEqual([]);
    expect(missing({ answers: new Map([["log in 429", 9]]), windows: twelve, left })).toEqual(["No login succeeded."]);
    const empty = { ...window, rows: { ...stored.rows, LoginGuard: 0, audit_events: 0 } };
    expect(missing({ answers, windows: [empty], left })).toEqual([
      "No window has rows of audit_events.",
      "No window has rows of LoginGuard.",
    ]);
    expect(missing({ answers, windows: twelve, left: { ...left, rows: { ...none, users: 1 } } })).toEqual([
      "There are no rows of signing_keys in the end.",
    ]);
    const others = Object.fromEntries(Object.entries(left.rows).filter(([name]) => name !== "RateLimiter"));
    expect(missing({ answers, windows: twelve, left: { ...left, rows: others } })).toEqual([
      "RateLimiter can't be read.",
    ]);
  });

  it.each([
    ["heap of the Worker", { held: 16e6 }],
    ["bytes in D1", { directory: 2e6 }],
    ["bytes in objects", { objects: 2e6 }],
    ["LoginGuard", { rows: { ...stored.rows, LoginGuard: 200 } }],
    ["users", { rows: { ...stored.rows, users: 200 } }],
  ])("names %s where it grows", (name, grown) => {
    const later = { ...window, ...grown };
    const found = growth([...twelve.slice(4), later, later, later, later]);
    expect(found).toEqual([expect.stringContaining(`${name} grew from`)]);
  });
});
