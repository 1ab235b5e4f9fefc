import { join, resolve } from "node:path";
import { build } from "vite";

/** Bundles `postern/client` for the hosted pages into `<folder>/static/client.js`. */
export async function buildClient(folder: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      lib: { entry: resolve(import.meta.dirname, "../client/index.ts"), formats: ["es"], fileName: () => "client.js" },
      outDir: join(folder, "static"),
      emptyOutDir: false,
      target: "es2022",
      rolldownOptions: { output: { minify: true } },
    },
  });
}
