import { createArgon2 } from "../../platform/argon2.ts";
import { HASH_BOUNDS } from "../hash-bounds.ts";

/**
 * This file is imported only when a password is checked. The code that parses hashes can't import it, because the
 * command that imports users runs that code from source in Node. Node can't import WebAssembly this way.
 */
export const argon2 = createArgon2(HASH_BOUNDS.argon2.maxMemory);
