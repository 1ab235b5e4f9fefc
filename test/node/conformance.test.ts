import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";

const page = readFileSync("docs/conformance.md", "utf8");
const [tables = "", deviations = ""] = page.split("## Deviations");

/** A requirement of the page: shown by a file of tests, or else the reason why it does not apply yet. */
interface Requirement {
  id: string;
  file: string | undefined;
  deviates: boolean;
  reason: string | undefined;
}

const requirements: Requirement[] = [...tables.matchAll(/^\| ([A-Z]{2}-\d+) \| .+ \| .+ \| (.+) \|$/gm)].map(
  ([, id = "", shown = ""]) => {
    const [, file, mark] = /^`([\w-]+\.test\.ts)`( \*)?$/.exec(shown) ?? [];
    return { id, file, deviates: mark !== undefined, reason: /^does not apply yet: (.+)$/.exec(shown)?.[1] };
  },
);

/** The titles of each file's tests. */
const titles = new Map(
  globSync("test/conformance/*.test.ts").map((path) => {
    const found = readFileSync(path, "utf8").matchAll(/^\s*(?:it(?:\.each\b.*)?\(|\]\)\(|\}?\]?\)\()\s*"([^"]+)"/gm);
    return [basename(path), [...found].map(([, title = ""]) => title)] as const;
  }),
);
const idOf = (title: string) => /^([A-Z]{2}-\d+): /.exec(title)?.[1];

/** How many requirements each section of the page has. */
const SIZES = { PW: 8, PS: 6, RG: 8, LG: 9, JW: 10, KY: 6, SE: 11, PR: 7, AC: 8, HT: 10, MF: 7, PK: 4, OP: 10 };
/** Those that wait for a second factor, for passkeys or for OAuth clients; every other applies to what there is so far. */
const LATER = /^(MF-\d+|PK-\d+|PR-7|AC-8|OP-(2|3|4|5|6|9|10))$/;

describe("the page of requirements", () => {
  it("lists each of the 104 once, in order", () => {
    const expected = Object.entries(SIZES).flatMap(([section, size]) =>
      Array.from({ length: size }, (_, index) => `${section}-${index + 1}`),
    );
    expect(expected).toHaveLength(104);
    expect(requirements.map(({ id }) => id)).toEqual(expected);
    expect(expected.filter((id) => !LATER.test(id))).toHaveLength(84);
  });

  it.each(requirements)("says of $id where it is shown, or why it does not apply yet", ({ id, file, reason }) => {
    if (file === undefined) {
      expect(reason, `${id} is shown by a file, or has a reason`).toBeDefined();
      expect([...titles.values()].flat().map(idOf), `${id} has no test`).not.toContain(id);
    } else {
      expect(titles.get(file)?.map(idOf), `${file} shows ${id}`).toContain(id);
    }
  });

  it("excuses nothing of what there is so far but what is optional or has no endpoint yet", () => {
    const excused = requirements.filter(({ id, file }) => file === undefined && !LATER.test(id)).map(({ id }) => id);
    expect(excused).toEqual(["PS-6", "OP-8"]);
  });

  it("explains each deviation that it marks, and no other", () => {
    const explained = [...deviations.matchAll(/^- \*\*([A-Z]{2}-\d+)\*\*: /gm)].map(([, id]) => id);
    expect(explained).toEqual(requirements.filter(({ deviates }) => deviates).map(({ id }) => id));
  });
});

describe("the tests of requirements", () => {
  it.each([...titles])("of %s begin with the id of a requirement that the page shows there", (file, own) => {
    expect(own.length).toBeGreaterThan(0);
    const known = requirements.filter((requirement) => requirement.file === file).map(({ id }) => id);
    for (const title of own) expect(known, title).toContain(idOf(title));
    const source = readFileSync(`test/conformance/${file}`, "utf8");
    expect(source.match(/^\s*it[.(]/gm)?.length, "every test has a title that is read here").toBe(own.length);
    expect(source).not.toMatch(/\b(it|describe)\.(skip|todo|only|fails)\b/);
  });
});
