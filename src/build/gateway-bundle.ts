import { resolve } from "node:path";
import { build } from "vite";

/** Bundles the container's gateway into `<folder>/gateway.js`. */
export async function buildGateway(folder: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      lib: {
        entry: resolve(import.meta.dirname, "../container/gateway.ts"),
        formats: ["es"],
        fileName: () => "gateway.js",
      },
      outDir: folder,
      emptyOutDir: false,
      target: "es2024",
      rolldownOptions: { external: [/^cloudflare:/, /^node:/] },
    },
  });
}
