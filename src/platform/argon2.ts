/**
 * Argon2 (RFC 9106): the reference implementation, in WebAssembly that was compiled ahead, since Workers
 * compile none at run time. The module imports nothing, so it reaches nothing but its own memory; and it
 * is asked for hashes alone, which the caller compares, so it never sees what would match.
 *
 * The package's own binding is left aside: it counts a password in UTF-16 units and hands over as many
 * bytes of its UTF-8, so that what is typed beyond them, in any alphabet but the Latin, would not count.
 */
import reference from "@phi-ag/argon2/argon2.wasm";

export type Argon2Variant = "argon2d" | "argon2i" | "argon2id";

/** Memory in KiB, passes over it, lanes: m, t and p of RFC 9106 §3.1. */
export interface Argon2Cost {
  memory: number;
  passes: number;
  lanes: number;
}

/** Computes `length` bytes from a password and a salt. Throws where the cost is out of the algorithm's range. */
export type Argon2 = (
  variant: Argon2Variant,
  password: Uint8Array,
  salt: Uint8Array,
  cost: Argon2Cost,
  length: number,
) => Uint8Array;

/** y of RFC 9106 §3.1. */
const TYPES = { argon2d: 0, argon2i: 1, argon2id: 2 } as const;
const VERSION = 0x13;
/** Bytes beside the blocks: password, salt, hash, and what the allocator keeps. */
const BESIDE_BLOCKS = 2 ** 16;

/** The module's exports (argon2.h). Addresses and lengths in bytes. */
interface Module {
  memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(length: number): number;
  free(address: number): void;
  /** 0, or an error code. */
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

/** `maxMemory` in KiB: what hashes ask for at most. */
export function createArgon2(maxMemory: number): Argon2 {
  // Memory of WebAssembly grows and never shrinks. There is one at a time, and it goes when the isolate needs it.
  let kept: WeakRef<Module> | undefined;

  function instance(): Module {
    const running = kept?.deref();
    if (running !== undefined) return running;
    const started = new WebAssembly.Instance(reference).exports as unknown as Module;
    started._initialize();
    // Taken at once: the allocator puts a larger block behind a smaller one, and both would stay.
    started.free(started.malloc(maxMemory * 1024 + BESIDE_BLOCKS));
    kept = new WeakRef(started);
    return started;
  }

  return (...request) => {
    try {
      return compute(instance(), ...request);
    } catch (error) {
      // Whatever state it is in, the next hash starts afresh.
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
