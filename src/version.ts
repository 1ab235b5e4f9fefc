/** The version of this build. `npm run release` sets it. Read from package.json, all of that would be in the Worker. */
export const VERSION = "0.1.0";
