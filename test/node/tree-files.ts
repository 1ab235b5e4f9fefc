/** The files that a Git clone of this tree would have. Finds them without Git: an unpacked archive has no `.git`. */
import { readdirSync, readFileSync } from "node:fs";
import { join, matchesGlob, resolve } from "node:path";

export const TREE = resolve(import.meta.dirname, "../..");

/** The paths of all files that Git has or would add, from the root of the tree. */
export function treeFiles(): string[] {
  const lines = readFileSync(join(TREE, ".gitignore"), "utf8").trim().split("\n");
  const [kept, patterns] = [
    lines.filter((line) => line.startsWith("!")),
    lines.filter((line) => !line.startsWith("!")),
  ];
  // `name/` and `name` mean such a folder or file anywhere, `folder/name` only that one.
  const ignored = patterns.map((pattern) => (/\/./.test(pattern) ? pattern : `**/${pattern}`));
  const isKept = (path: string) => kept.includes(`!${path}`);
  const isIgnored = (path: string) => !isKept(path) && isMatched(path);
  const isMatched = (path: string) => path.startsWith(".git/") || ignored.some((pattern) => matchesGlob(path, pattern));
  const filesIn = (folder: string): string[] =>
    readdirSync(join(TREE, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = `${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`;
      if (isIgnored(path) || path === ".git") return [];
      return entry.isDirectory() ? filesIn(path) : [path];
    });
  return filesIn("");
}
