/** Runs the bench on one case, and tests its parts that need no workerd. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { CASES } from "../../bench/cases.ts";
import { addressOf } from "../../bench/client.ts";
import { parseFlags } from "../../bench/flags.ts";
import { cpuTime, hasProc, parseStat } from "../../bench/process-cpu.ts";
import { printTable } from "../../bench/report.ts";
import { median, quantile } from "../../bench/statistics.ts";

describe("npm run bench", () => {
  it.runIf(hasProc)(
    "measures Postern against the floor",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const out = join(folder, "results.json");
      const words = ["--contestants", "floor,postern", "--only", "refresh", "--rounds", "1", "--seconds", "0.1"];
      await promisify(execFile)(process.execPath, ["bench/bench.ts", ...words, "--starts", "0", "--out", out]);
      const { floor, postern } = JSON.parse(readFileSync(out, "utf8")).cases.refresh;
      for (const { figures } of [floor, postern]) {
        expect(figures[32].requests).toBeGreaterThan(0);
        expect(figures[32].cpu).toBeGreaterThan(0);
      }
      const trips = { sequential: 1, total: 2 };
      expect([floor.trips, postern.trips]).toMatchObject([trips, trips]);
    },
    240_000,
  );

  it("measures everything unless told otherwise", () => {
    expect(parseFlags([])).toEqual({
      contestants: ["floor", "postern", "better-auth"],
      only: Object.keys(CASES),
      rounds: 5,
      seconds: 1.2,
      starts: 7,
      out: "bench/results.json",
    });
  });

  it("takes contestants and cases in any order, and what --quick leaves open", () => {
    const words = ["--contestants", "postern, floor", "--only", "me,jwks", "--quick", "--rounds", "3"];
    expect(parseFlags(words)).toMatchObject({
      contestants: ["floor", "postern"],
      only: ["jwks", "me"],
      rounds: 3,
      seconds: 0.3,
      starts: 1,
    });
  });

  it.each([
    [["--only", "jwks,you"], /--only knows no "you": it takes jwks, me, /],
    [["--contestants", ""], /--contestants knows no ""/],
    [["--rounds", "0"], /--rounds takes a number from 1 on/],
    [["--starts", "1.5"], /--starts takes a number from 0 on/],
    [["--seconds", "long"], /--seconds takes a number/],
    [["--fast"], /--fast/],
  ])("refuses %j", (words, message) => {
    expect(() => parseFlags(words)).toThrow(message);
  });

  it("gives each of its clients a network of its own", () => {
    expect([0, 255, 256, 70_000].map(addressOf)).toEqual(["10.0.0.0", "10.0.0.255", "10.0.1.0", "10.1.17.112"]);
  });
});

describe("its statistics", () => {
  it("interpolate between the two nearest values, in any order", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([10, 20], 0.99)).toBeCloseTo(19.9);
    expect(quantile([5], 0.99)).toBe(5);
    expect(median([])).toBeNaN();
  });
});

describe("its CPU times", () => {
  it("are read from a line of /proc, whatever the program is called", () => {
    const line = "4711 (a (work) er) S 42 4711 1 0 -1 4194560 1 0 0 0 150 50 9 9 20 0 15 0 100";
    expect(parseStat(line)).toEqual({ id: 4711, parent: 42, name: "a (work) er", milliseconds: 2_000 });
  });

  it.runIf(hasProc)("grow with the work of a process, and are none where none is", () => {
    const before = cpuTime(process.pid);
    // The loop needs no body: reading the CPU time takes CPU time. The limit ends the loop if the time never grows.
    for (let reading = 0; reading < 100_000 && cpuTime(process.pid) < before + 20; reading++);
    expect(cpuTime(process.pid)).toBeGreaterThan(before);
    expect(cpuTime(-1)).toBe(0);
  });
});

describe("its table", () => {
  it("has its numbers on the right", () => {
    expect(
      printTable([
        ["", "ms"],
        ["login", "7"],
        ["me", "12.5"],
      ]),
    ).toBe("         ms\nlogin     7\nme     12.5");
    expect(printTable([["a", "b"], ["alone"]])).toBe("a      b\nalone");
  });
});
