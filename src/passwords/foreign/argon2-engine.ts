import { createArgon2 } from "../../platform/argon2.ts";
import { HASH_BOUNDS } from "../hash-bounds.ts";

/**
 * In a file of its own that is imported when a password is checked. Node runs the readers from source, and it can't
 * import WebAssembly this way.
 */
export const argon2 = createArgon2(HASH_BOUNDS.argon2.maxMemory);
