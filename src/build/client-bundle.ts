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
      // Safari 15.4 and what came out with it (README.md).
      target: ["safari15.4", "ios15.4", "chrome100", "firefox98"],
      rolldownOptions: { output: { minify: true } },
    },
  });
}
