/** Bundles JavaScript for browsers and for the container. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { type BuildOptions, build } from "vite";
import { SUPPORTED_LOCALES } from "../config/languages.ts";

/** The oldest supported browsers (README.md): Safari 15.4, and the other browsers of that time. */
const BROWSERS = ["safari15.4", "ios15.4", "chrome100", "firefox98"];

/** The modules that are not in `main.js`: the views, the words of each language, and the entry of each language. */
const LOADED_APART = /\/console\/(views\/|words\/|[a-z]{2}\.ts$)/;

/** The packages in the console's bundle. */
const CONSOLE_PACKAGES = ["preact", "openapi-fetch"];

/** Bundles `postern/client` for the hosted pages into `<folder>/static/client.js`. */
export function buildClient(folder: string): Promise<void> {
  return bundle("../client/index.ts", resolve(folder, "static/client.js"), {
    target: BROWSERS,
    rolldownOptions: { output: { minify: true } },
  });
}

/**
 * Bundles `brand-kit.ts` for the page `/dev/brand` into `<folder>/static/brand-kit.js`. Only developers open that page,
 * so the bundle may need a current browser.
 */
export function buildBrandKit(folder: string): Promise<void> {
  return bundle("brand-kit.ts", resolve(folder, "static/brand-kit.js"), {
    target: "es2024",
    rolldownOptions: { output: { minify: true } },
  });
}

/** Bundles the container's gateway into `<folder>/gateway.js`. */
export function buildGateway(folder: string): Promise<void> {
  return bundle("../container/gateway.ts", resolve(folder, "gateway.js"), {
    target: "es2024",
    rolldownOptions: { external: [/^cloudflare:/, /^node:/] },
  });
}

/**
 * Bundles the console into `<folder>/static/console`: an entry for each language, `main.js` and the views. All entries
 * import `main.js`. The browser loads a view when the user opens it. The file names of views contain a hash, so that no
 * page loads a view of another version.
 */
export async function buildConsole(folder: string): Promise<void> {
  const outDir = resolve(folder, "static/console");
  const source = resolve(import.meta.dirname, "../console");
  await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
    build: {
      lib: {
        entry: Object.fromEntries(SUPPORTED_LOCALES.map((locale) => [locale, join(source, `${locale}.ts`)])),
        formats: ["es"],
      },
      outDir,
      emptyOutDir: true,
      target: BROWSERS,
      rolldownOptions: {
        output: {
          minify: true,
          entryFileNames: "[name].js",
          chunkFileNames: ({ name }) => (name === "main" ? "main.js" : "[name]-[hash].js"),
          // One file with everything that the console needs at its start, so that the page can preload it.
          codeSplitting: { groups: [{ name: "main", test: (id) => !LOADED_APART.test(id) }] },
        },
      },
    },
  });
  const { resolve: find } = createRequire(import.meta.url);
  const licences = CONSOLE_PACKAGES.map((name) => {
    const path = find(name);
    const root = path.slice(0, path.lastIndexOf(`/${name}/`) + name.length + 1);
    return `${name}\n\n${readFileSync(join(root, "LICENSE"), "utf8")}`;
  });
  writeFileSync(join(outDir, "LICENSES"), licences.join("\n"));
}

async function bundle(source: string, file: string, options: BuildOptions): Promise<void> {
  const entry = resolve(import.meta.dirname, source);
  await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      lib: { entry, formats: ["es"], fileName: () => basename(file) },
      outDir: dirname(file),
      emptyOutDir: false,
      ...options,
    },
  });
}
