/** The pages of the documentation, and the fenced blocks in them. */
import { globSync, readFileSync } from "node:fs";

interface Block {
  page: string;
  /** The line of its opening fence. */
  line: number;
  /** The word after the fence: `sh`, `ts`, `toml`. */
  language: string;
  text: string;
  /** `<!-- not run: … -->` before it: why no test executes it. */
  notRun: string | undefined;
  /** `<!-- file: … -->` before it: the file into which readers, and the tests, put the block. */
  file: string | undefined;
}

/** Every page, the README first. */
export const PAGES: readonly string[] = ["README.md", ...globSync("docs/*.md").sort()];

/** The pages about what operators do when something has gone wrong. */
export const RUNBOOKS: readonly string[] = globSync("docs/runbooks/*.md").sort();

/** The pages and runbooks, and everything else that people read here. */
export const DOCUMENTS: readonly string[] = [
  ...PAGES,
  ...RUNBOOKS,
  "SECURITY.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...globSync("docs/decisions/*.md").sort(),
  "examples/README.md",
  "examples/app/README.md",
];

export function readPage(page: string): string {
  return readFileSync(page, "utf8");
}

export function readBlocks(page: string): Block[] {
  return blocksOf(page, readPage(page));
}

/** The blocks of a text, those in lists included, without the indentation of their fence. */
export function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: { indentation: number; line: number; language: string; note: string; lines: string[] } | undefined;
  let note = "";
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^( *)```(.*)$/.exec(line);
    if (open !== undefined && fence === null) {
      open.lines.push(line.slice(Math.min(open.indentation, line.search(/\S|$/))));
    } else if (open !== undefined) {
      const { line, language, lines, note: said } = open;
      const named = (name: string) => new RegExp(`^<!-- ${name}: (.+) -->$`).exec(said)?.[1];
      blocks.push({
        page,
        line,
        language,
        text: `${lines.join("\n")}\n`,
        notRun: named("not run"),
        file: named("file"),
      });
      open = undefined;
      note = "";
    } else if (fence !== null) {
      open = { indentation: fence[1]?.length ?? 0, line: index + 1, language: fence[2]?.trim() ?? "", note, lines: [] };
    } else if (line.trim() !== "") {
      note = line.trim();
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line} opens a block that is never closed.`);
  return blocks;
}

/** The text without code blocks, and without the brackets in code spans, so that only real links remain. */
export function proseOf(text: string): string {
  return text
    .replaceAll(/^( *)```.*?\n *```$/gms, "")
    .replaceAll(/`[^`\n]+`/g, (code) => code.replaceAll(/[[\]()]/g, "_"));
}

/** The anchors that GitHub gives a page's headings. */
export function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^( *)```.*?\n *```$/gms, "").matchAll(/^#+ (.+)$/gm)].map(
    ([, title = ""]) => title,
  );
  const seen = new Map<string, number>();
  return new Set(
    headings.map((title) => {
      const words = title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
      const anchor = words
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-");
      const times = seen.get(anchor) ?? 0;
      seen.set(anchor, times + 1);
      return times === 0 ? anchor : `${anchor}-${times}`;
    }),
  );
}
