/** Fills in docs/conformance.md with the tests of each requirement: npm run docs:conformance */
import { globSync, readFileSync, writeFileSync } from "node:fs";

export const PAGE = "docs/conformance.md";

/** The ids in the titles of a file's tests: a title ends with `[LG-3]` or `[LG-3, LG-5]`. */
const TAGS = /\[([A-Z]{2}-\d+(?:, [A-Z]{2}-\d+)*)\]["'`]/g;

/** A requirement's row: id; requirement and source; tests, or why there are none; `*` if Postern deviates from it. */
const ROW = /^\| ([A-Z]{2}-\d+) \| (.+ \| .+) \| (.*?)( \*)? \|$/gm;

/** Why a requirement has no test. */
const REASON = "does not apply yet: ";

interface Requirement {
  id: string;
  /** What the last column says now. */
  shown: string;
  /** Why it has no test. */
  reason: string | undefined;
  deviates: boolean;
}

/** The rows of the page. */
export function requirementsOf(page: string): Requirement[] {
  return [...page.matchAll(ROW)].map(([, id = "", , shown = "", mark]) => ({
    id,
    shown,
    reason: shown.startsWith(REASON) ? shown.slice(REASON.length) : undefined,
    deviates: mark !== undefined,
  }));
}

/** The files of tests that name each requirement. */
export function testsByRequirement(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of globSync("test/**/*.test.ts").toSorted()) {
    const ids = [...readFileSync(path, "utf8").matchAll(TAGS)].flatMap(([, list = ""]) => list.split(", "));
    const name = path.replaceAll("\\", "/").replace(/^test\/(.*)\.test\.ts$/, "$1");
    for (const id of new Set(ids)) found.set(id, [...(found.get(id) ?? []), name]);
  }
  return found;
}

/** Returns the page. The last column of each requirement lists the test files that name it. Other rows don't change. */
export function withTests(page: string, tests = testsByRequirement()): string {
  return page.replaceAll(ROW, (row: string, id: string, text: string, _shown: string, mark = "") => {
    const files = tests.get(id)?.map((file) => `\`${file}\``);
    return files === undefined ? row : `| ${id} | ${text} | ${files.join(", ")}${mark} |`;
  });
}

if (import.meta.main) writeFileSync(PAGE, withTests(readFileSync(PAGE, "utf8")));
