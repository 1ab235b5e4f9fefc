/** Counts a contestant's storage calls, with an entry module that wraps the contestant's bundle. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Trips {
  /** Round trips that happened one after another, before the answer. */
  sequential: number;
  /** All round trips, including those after the answer, but not those that objects and queue consumers make. */
  total: number;
  /** Rows in D1 and in objects. */
  rowsRead: number;
  rowsWritten: number;
}

/** The path at which the wrapped Worker answers with the counts. */
export const COUNTS_PATH = "/bench/counts";

/** Modules that export the same as the main module, but watch these Durable Object classes and all bindings. */
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
