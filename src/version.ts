/**
 * The version of this build. `npm run release` changes it here. It is not imported from package.json, because the
 * import would put the whole file into the Worker.
 */
export const VERSION = "0.1.0";
