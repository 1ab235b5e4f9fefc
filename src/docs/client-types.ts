/** `npm run client:types`: writes the types of `postern/client` from the OpenAPI document. */
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { defaultDocument } from "./default-document.ts";

// The generator needs the compiler API, which TypeScript 7 no longer has.
registerHooks({
  resolve: (specifier, context, next) => next(specifier === "typescript" ? "typescript-5" : specifier, context),
});
const { astToString, default: generate } = await import("openapi-typescript");

const [target = "src/client/api.ts"] = process.argv.slice(2);
const types = astToString(await generate(JSON.stringify(defaultDocument())));
writeFileSync(target, `// Written by \`npm run client:types\` from the OpenAPI document. Do not edit.\n${types}`);
