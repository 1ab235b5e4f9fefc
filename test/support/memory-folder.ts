import { accessSync, constants, statfsSync } from "node:fs";

const FOLDER = "/dev/shm";

/** What a whole run leaves there at most, several times over. */
const NEEDED = 4 * 2 ** 30;

/** A folder in memory for what the tests throw away, if this system has one with room. */
export function memoryFolder(): string | undefined {
  try {
    accessSync(FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(FOLDER);
    return bavail * bsize >= NEEDED ? FOLDER : undefined;
  } catch {
    return undefined;
  }
}
