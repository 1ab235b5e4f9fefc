/** The types of `client.js`, which `npm run build` bundles from the same sources. */
export * from "postern/client";
