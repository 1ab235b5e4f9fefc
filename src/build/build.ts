/**
 * `npm run build`: writes the OpenAPI document, the pages, the scripts of the API reference, the browser client, the
 * script of /dev/brand and the console.
 */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { buildPages } from "../features/pages/build.ts";
import { buildBrandKit, buildClient, buildConsole } from "./bundles.ts";
import { defaultDocument } from "./default-document.ts";

const REFERENCE_FILES = ["swagger-ui-bundle.js", "swagger-ui.css", "LICENSE", "NOTICE"];

/** Writes the OpenAPI document and the scripts of the API reference into the assets folder. */
export function buildDocumentation(folder: string): void {
  writeFileSync(join(folder, "openapi.json"), `${JSON.stringify(defaultDocument())}\n`);

  const source = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  const target = join(folder, "static", "docs");
  mkdirSync(target, { recursive: true });
  for (const file of REFERENCE_FILES) cpSync(join(source, file), join(target, file));
}

if (import.meta.main) {
  buildDocumentation("public");
  buildPages("public");
  await buildClient("public");
  await buildBrandKit("public");
  await buildConsole("public");
}
