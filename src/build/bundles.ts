/** What the service needs as one file of JavaScript each. */
import { basename, dirname, resolve } from "node:path";
import { type BuildOptions, build } from "vite";

/** Bundles `postern/client` for the hosted pages into `<folder>/static/client.js`. */
export function buildClient(folder: string): Promise<void> {
  return bundle("../client/index.ts", resolve(folder, "static/client.js"), {
    // Safari 15.4, and the browsers of the same time (README.md).
    target: ["safari15.4", "ios15.4", "chrome100", "firefox98"],
    rolldownOptions: { output: { minify: true } },
  });
}

/** Bundles what the page `/dev/brand` needs into `<folder>/static/brand-kit.js`. For developers, in a current browser. */
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
