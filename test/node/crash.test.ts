import { describe, expect, it } from "vitest";
import { type Crashing, crashAgainAndAgain } from "../crash/crashes.ts";
import { askShared, changeDatabase, type Prepared, useClone } from "./live-service.ts";

/** The time limit, in milliseconds. Kills and commands are limited, so only a very busy machine needs this long. */
const PATIENCE = 400_000;

/** A short form of `npm run test:crash`. */
const SHORT: Crashing = { kills: 2, seed: 1, clients: 6, mostCommands: 120, mostTime: PATIENCE, say: () => {} };

describe("a service that is killed in the middle of its work", { timeout: PATIENCE }, () => {
  const clone = useClone();

  it("has everything that it acknowledged when it runs again, and nothing that it ended", async () => {
    const report = await crashAgainAndAgain(clone, await askShared<Prepared>("prepared"), SHORT);
    expect(report.faults).toEqual([]);
    expect(report.kills).toBe(2);
    expect(report.judged).toBeGreaterThan(20);
  });

  it("fails where there was no time for all kills", async () => {
    const report = await crashAgainAndAgain(clone, await askShared<Prepared>("prepared"), { ...SHORT, mostTime: 0 });
    expect(report.faults).toEqual(["There was time for 0 of 2 kills only."]);
  });

  it("is found out where a kill takes passwords back", async () => {
    const whileDown: Crashing["whileDown"] = (service) =>
      changeDatabase(service, "UPDATE users SET password_hash = (SELECT password_hash FROM users LIMIT 1)");
    const tampered = { ...SHORT, kills: 1, whileDown };
    const report = await crashAgainAndAgain(clone, await askShared<Prepared>("prepared"), tampered);
    expect(report.faults.join("\n")).toMatch(/password \d: 401 invalid_credentials instead of/);
  });
});
