import { accessSync, constants, statfsSync } from "node:fs";

const FOLDER = "/dev/shm";

/** The free bytes that the folder must have: several times the most that one run writes. */
const NEEDED = 4 * 2 ** 30;

/** A folder in memory for temporary files, if this system has one with enough room. */
export function memoryFolder(): string | undefined {
  try {
    accessSync(FOLDER, constants.W_OK);
    const { bavail, bsize } = statfsSync(FOLDER);
    return bavail * bsize >= NEEDED ? FOLDER : undefined;
  } catch {
    return undefined;
  }
}
