/**
 * The version of this build, which `npm run release` sets. Importing package.json would put all of it into the Worker.
 */
export const VERSION = "0.1.0";
