/**
 * Argon2 (RFC 9106): the reference implementation as WebAssembly. It is precompiled, because Workers can't compile
 * WebAssembly at run time. The module has no imports, so it can reach only its own memory. The module never sees the
 * stored hash, because the caller compares the computed hash with the stored hash.
 *
 * The npm package also has a JavaScript binding, which is not used. That binding takes the password's length in UTF-16
 * code units and passes that many bytes of the password's UTF-8 form. So the binding would ignore the end of a password
 * with non-ASCII characters.
 */
import reference from "@phi-ag/argon2/argon2.wasm";

export type Argon2Variant = "argon2d" | "argon2i" | "argon2id";

/** Memory in KiB, passes over the memory, and lanes: m, t and p of RFC 9106 §3.1. */
interface Argon2Cost {
  memory: number;
  passes: number;
  lanes: number;
}

/** Computes `length` bytes from a password and a salt. Throws if the cost is outside the algorithm's range. */
export type Argon2 = (
  variant: Argon2Variant,
  password: Uint8Array,
  salt: Uint8Array,
  cost: Argon2Cost,
  length: number,
) => Uint8Array;

/** The type `y` of RFC 9106 §3.1. */
const TYPES = { argon2d: 0, argon2i: 1, argon2id: 2 } as const;
const VERSION = 0x13;
/** In bytes: the memory for password, salt, hash and the allocator's own data, in addition to Argon2's blocks. */
const BESIDE_BLOCKS = 2 ** 16;

/** The module's exports (argon2.h). Addresses and lengths are in bytes. */
interface Module {
  memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(length: number): number;
  free(address: number): void;
  /** Returns 0 or an error code. */
  argon2_hash(
    passes: number,
    memory: number,
    lanes: number,
    password: number,
    passwordLength: number,
    salt: number,
    saltLength: number,
    hash: number,
    hashLength: number,
    encoded: number,
    encodedLength: number,
    type: number,
    version: number,
  ): number;
}

/** `maxMemory` is the largest memory that a hash may ask for, in KiB. */
export function createArgon2(maxMemory: number): Argon2 {
  // WebAssembly memory never shrinks, so all hashes share one instance. The weak reference lets the runtime free it.
  let kept: WeakRef<Module> | undefined;

  function instance(): Module {
    const running = kept?.deref();
    if (running !== undefined) return running;
    const started = new WebAssembly.Instance(reference).exports as unknown as Module;
    started._initialize();
    // Grow the memory once, at the start. If the memory grew step by step, the allocator would keep every smaller block
    // beside the next larger block.
    started.free(started.malloc(maxMemory * 1024 + BESIDE_BLOCKS));
    kept = new WeakRef(started);
    return started;
  }

  return (...request) => {
    try {
      return compute(instance(), ...request);
    } catch (error) {
      // The instance may be in a broken state, so the next hash gets a new one.
      kept = undefined;
      throw error;
    }
  };
}

function compute(module: Module, ...[variant, password, salt, cost, length]: Parameters<Argon2>): Uint8Array {
  const passwordAt = place(module, password);
  const saltAt = place(module, salt);
  const hashAt = place(module, new Uint8Array(length));
  const code = module.argon2_hash(
    cost.passes,
    cost.memory,
    cost.lanes,
    passwordAt,
    password.byteLength,
    saltAt,
    salt.byteLength,
    hashAt,
    length,
    0,
    0,
    TYPES[variant],
    VERSION,
  );
  if (code !== 0) throw new Error(`Argon2 failed with the code ${code} of argon2.h.`);
  const bytes = new Uint8Array(module.memory.buffer);
  const hash = bytes.slice(hashAt, hashAt + length);
  bytes.fill(0, passwordAt, passwordAt + password.byteLength);
  bytes.fill(0, hashAt, hashAt + length);
  for (const address of [passwordAt, saltAt, hashAt]) module.free(address);
  return hash;
}

function place({ malloc, memory }: Module, bytes: Uint8Array): number {
  const address = malloc(bytes.byteLength);
  if (address === 0) throw new Error("Argon2 has no memory left.");
  new Uint8Array(memory.buffer).set(bytes, address);
  return address;
}
