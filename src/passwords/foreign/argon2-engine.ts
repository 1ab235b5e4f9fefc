import { createArgon2 } from "../../platform/argon2.ts";
import { HASH_BOUNDS } from "../hash-bounds.ts";

/**
 * This file is imported only when a password is checked. The readers of hashes can't import it directly: the import
 * command runs them from source in Node, which can't import WebAssembly this way.
 */
export const argon2 = createArgon2(HASH_BOUNDS.argon2.maxMemory);
