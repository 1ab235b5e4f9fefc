import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PROBLEMS } from "../../src/http/problems.ts";
import { PAGE, requirementsOf, testsByRequirement, withTests } from "./conformance-page.ts";

const page = readFileSync(PAGE, "utf8");
const [tables = "", deviations = ""] = page.split("## Deviations");
const requirements = requirementsOf(tables);
const tests = testsByRequirement();
const sources = globSync("test/**/*.test.ts").map((path) => readFileSync(path, "utf8"));

/** How many requirements each section of the page has. */
const SIZES = { PW: 8, PS: 6, RG: 8, LG: 9, JW: 10, KY: 6, SE: 11, PR: 7, AC: 8, HT: 10, MF: 7, PK: 4, OP: 10 };
/** Requirements that may lack a test, because Postern has no OAuth clients yet. */
const LATER = /^OP-(2|3|4|5|6|9|10)$/;

describe("the page of requirements", () => {
  it("lists each of the 104 once, in order", () => {
    const expected = Object.entries(SIZES).flatMap(([section, size]) =>
      Array.from({ length: size }, (_, index) => `${section}-${index + 1}`),
    );
    expect(expected).toHaveLength(104);
    expect(requirements.map(({ id }) => id)).toEqual(expected);
    expect(expected.filter((id) => !LATER.test(id))).toHaveLength(97);
  });

  it("names the tests of each, as npm run docs:conformance writes them", () => {
    expect(page).toBe(withTests(page, tests));
  });

  it.each(requirements)("has tests of $id, or says why it does not apply yet", ({ id, shown, reason }) => {
    if (reason === undefined)
      expect(shown).toBe(
        tests
          .get(id)
          ?.map((file) => `\`${file}\``)
          .join(", "),
      );
    else expect(tests.get(id), "a requirement that does not apply has no test").toBeUndefined();
  });

  it("excuses nothing of what there is so far but what is optional or has no endpoint yet", () => {
    const excused = requirements.filter(({ id, reason }) => reason !== undefined && !LATER.test(id));
    expect(excused.map(({ id }) => id)).toEqual(["PS-6", "OP-8"]);
  });

  it("explains each deviation that it marks, and no other", () => {
    const explained = [...deviations.matchAll(/^- \*\*([A-Z]{2}-\d+)\*\*: /gm)].map(([, id]) => id);
    expect(explained).toEqual(requirements.filter(({ deviates }) => deviates).map(({ id }) => id));
  });
});

describe("the tests", () => {
  it("name no requirement that the page does not list", () => {
    const known = requirements.map(({ id }) => id);
    expect([...tests.keys()].filter((id) => !known.includes(id))).toEqual([]);
  });

  it("are never skipped, nor expected to fail", () => {
    for (const source of sources) expect(source).not.toMatch(/\b(it|describe|test)\.(skip|todo|only|fails)\b/);
  });

  // `expectProblem` also checks the type, the title and the detail. `call` checks each response against its schema.
  it.each(Object.keys(PROBLEMS))("expect the refusal %s of some request", (code) => {
    const expected = new RegExp(`expectProblem\\([^;]*"${code}"`);
    expect(sources.some((source) => expected.test(source))).toBe(true);
  });
});
