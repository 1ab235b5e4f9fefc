import { createArgon2 } from "../../platform/argon2.ts";
import { HASH_BOUNDS } from "../hash-bounds.ts";

/** Apart from the reader, and loaded when a password is checked: Node reads sources, but takes no WebAssembly so. */
export const argon2 = createArgon2(HASH_BOUNDS.argon2.maxMemory);
