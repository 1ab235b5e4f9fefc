/** Checks the text of every page of the documentation. docs-run.test.ts runs the pages' commands. */
import { existsSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { anchorsOf, blocksOf, DOCUMENTS, PAGES, proseOf, readBlocks, readPage } from "./markdown.ts";

/**
 * The reasons why tests may leave out a block. Each has the number of such blocks, so that a new one fails a test.
 */
const NOT_RUN: Readonly<Record<string, number>> = {
  "it needs a browser and a person": 1,
  "the tests start the service themselves": 4,
  "the tests run in it": 2,
  "an excerpt of the file that the text names": 2,
  "test/node/live-secret.test.ts runs it": 4,
  "test/node/own-folder.test.ts runs it": 2,
  "test/node/release.test.ts runs it": 1,
  "needs a Cloudflare account": 15,
  "needs Docker": 7,
  "needs Docker. test/node/container-commands.test.ts runs the commands on a volume": 1,
  "changes the owner of a file": 2,
  "test/node/container.test.ts runs the script": 2,
  "test/node/container.test.ts builds and starts it": 1,
  "needs the npm registry": 2,
  "test/node/docs-run.test.ts runs it where PostgreSQL is installed": 2,
  "test/node/docs-run.test.ts runs it where sqlite3 is installed": 1,
  "test/node/docs-run.test.ts runs it where PyJWT is installed": 1,
};

describe("the documentation", () => {
  it("has no block that is neither run nor says why not", () => {
    const idle = DOCUMENTS.flatMap(readBlocks).filter(
      ({ language, notRun, file }) =>
        language !== "text" && language !== "sh" && notRun === undefined && file === undefined,
    );
    expect(idle.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
  });

  it("gives no reason for leaving out a block but these", () => {
    const reasons = new Map<string, number>();
    for (const { notRun } of DOCUMENTS.flatMap(readBlocks)) {
      if (notRun !== undefined) reasons.set(notRun, (reasons.get(notRun) ?? 0) + 1);
    }
    expect(Object.fromEntries(reasons)).toEqual(NOT_RUN);
  });

  it("has a row for each decision, with its date", () => {
    const index = readPage("docs/decisions/README.md");
    const decisions = DOCUMENTS.filter((page) => /^docs\/decisions\/\d/.test(page));
    expect(decisions.length).toBeGreaterThan(10);
    const rows = decisions.map((page) => {
      const [, title = "", date = ""] = /^# (.+)\n\n(\d{4}-\d\d-\d\d)/.exec(readPage(page)) ?? [];
      const file = basename(page);
      return `| ${Number(file.slice(0, 4))} | ${date} | [${title}](${file}) |`;
    });
    expect(index.match(/^\| \d+ \| .+$/gm)).toEqual(rows);
    for (const page of decisions) {
      expect(readPage(page).match(/^## .+$/gm), page).toEqual(["## Context", "## Decision", "## Consequences"]);
    }
  });

  it.each(DOCUMENTS)("names only files that are there: %s", (page) => {
    const named = proseOf(readPage(page)).match(/(?<=`)(src|test|public|examples|docs)\/[\w./-]+(?=`)/g) ?? [];
    // Paths are relative to the root. On the page of an example, they may also be relative to its folder.
    expect(named.filter((file) => !existsSync(file) && !existsSync(join(dirname(page), file)))).toEqual([]);
  });

  it("is named in full by the README", () => {
    const readme = readPage("README.md");
    for (const page of PAGES.slice(1)) expect(readme).toContain(`](${page})`);
  });

  it.each(PAGES.slice(1))("says at its beginning whom it is for, and at its end where to go next: %s", (page) => {
    const paragraphs = readPage(page).trim().split("\n\n");
    expect(paragraphs[1]).toMatch(/^\*For .+\.\*$/m);
    expect(paragraphs.at(-1)).toMatch(/^Next: .*\]\(/s);
  });

  it.each(DOCUMENTS)("leads nowhere but where something is: %s", (page) => {
    const links = [...proseOf(readPage(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    const broken = links.filter((target) => {
      if (/^https?:/.test(target)) return !URL.canParse(target);
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : normalize(join(dirname(page), path));
      if (file.startsWith("..") || !existsSync(file)) return true;
      return anchor !== undefined && !anchorsOf(readPage(file)).has(anchor);
    });
    expect(broken).toEqual([]);
  });
});

describe("the reader of pages", () => {
  const page = ["# A (page), `b`", "", "<!-- not run: needs a bird -->", "```sh", "fly", "```", "1. In a list:", ""];
  const more = ["   <!-- file: a/b.ts -->", "", "   ```ts", "   if (a)", "     b();", "   ```", "# A page b"];

  it("reads blocks with what is said of them, and without the indentation of a list", () => {
    expect(blocksOf("page.md", [...page, ...more].join("\n"))).toEqual([
      { page: "page.md", line: 4, language: "sh", text: "fly\n", notRun: "needs a bird", file: undefined },
      { page: "page.md", line: 11, language: "ts", text: "if (a)\n  b();\n", notRun: undefined, file: "a/b.ts" },
    ]);
  });

  it("refuses a block that is not closed", () => {
    expect(() => blocksOf("page.md", "```sh\nfly")).toThrow("page.md:1");
  });

  it("knows the anchors of headings, and takes no comment in a command for one", () => {
    expect([...anchorsOf([...page, "```sh", "# no heading", "```", ...more].join("\n"))]).toEqual([
      "a-page-b",
      "a-page-b-1",
    ]);
  });
});
