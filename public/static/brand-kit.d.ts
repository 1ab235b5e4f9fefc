/** The types of `brand-kit.js`, which `npm run build` bundles from the same sources. */
export * from "../../src/build/brand-kit.ts";
