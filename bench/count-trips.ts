/** Counts a contestant's calls of storage, in an entry module that goes before its bundle. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Trips {
  /** Round trips that happened one after another, before the answer. */
  sequential: number;
  /** All of them, those after the answer included. Without those of objects and of queues. */
  total: number;
  /** In D1 and in objects. */
  rowsRead: number;
  rowsWritten: number;
}

/** Where the counts are. */
export const COUNTS_PATH = "/bench/counts";

/** Modules that export what the main module does, with these classes of objects and all bindings watched. */
export function watchedEntry(main: string, objects: readonly string[]) {
  const entry = [
    `import * as inner from "./${main}";`,
    `import { watchObject, watchWorker } from "./watch-storage.js";`,
    "export default watchWorker(inner.default);",
    ...objects.map((name) => `export const ${name} = watchObject(inner.${name});`),
  ].join("\n");
  const watching = readFileSync(join(import.meta.dirname, "watch-storage.js"), "utf8");
  return [
    { type: "ESModule" as const, path: "watched-entry.js", contents: entry },
    { type: "ESModule" as const, path: "watch-storage.js", contents: watching },
  ];
}
