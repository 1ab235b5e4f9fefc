/**
 * The version of this build, which `npm run release` sets. An import of package.json would put the whole file into the
 * Worker.
 */
export const VERSION = "0.1.0";
