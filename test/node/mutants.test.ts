import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MUTANTS, mutate } from "../mutants/mutants.ts";

describe("the mutants of npm run test:mutants", () => {
  it("change exactly one place each, of a file that is there", () => {
    for (const mutant of MUTANTS) {
      const content = readFileSync(mutant.file, "utf8");
      expect(mutate(content, mutant), mutant.name).not.toBe(content);
    }
  });

  it("name tests that are there, and have a name of their own", () => {
    expect(MUTANTS.flatMap(({ tests }) => tests).filter((test) => !existsSync(test))).toEqual([]);
    const names = MUTANTS.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it("are refused by name where the text that they change is gone, or there twice", () => {
    const mutant = { name: "A check is gone.", file: "src/a.ts", from: "check()", to: "" };
    expect(mutate("if (check()) go();", mutant)).toBe("if () go();");
    expect(() => mutate("go();", mutant)).toThrow('"A check is gone." no longer applies: src/a.ts holds "check()" 0');
    expect(() => mutate("check(); check();", mutant)).toThrow('holds "check()" 2 times.');
  });
});
