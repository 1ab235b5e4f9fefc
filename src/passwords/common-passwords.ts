/**
 * The list of common passwords. ASVS 5.0 6.2.4 asks for the 3,000 most common ones that satisfy the length rule. The
 * list contains these for every minimum length from 8 to 15. The list is an asset and not a part of the Worker's code,
 * because most isolates never check a new password.
 */
import type { Hops } from "../platform/hops.ts";
import { fold } from "./context-words.ts";
import { decodeFingerprints, fingerprint } from "./fingerprint-set.ts";

/** The path of the asset. It is not below `/static`, so that only the Worker can read the file. */
export const COMMON_PASSWORDS_PATH = "/common-passwords.bin";

/**
 * Whether a whole password, ignoring case, is one of the most common ones. About one in a million other passwords also
 * counts as common.
 */
export type IsCommonPassword = (password: string) => boolean | Promise<boolean>;

/** Returns a check against the list in these bytes. Throws if the bytes are not such a list. */
export function commonPasswordsIn(list: Uint8Array): (password: string) => boolean {
  const fingerprints = decodeFingerprints(list);
  if (fingerprints === undefined)
    throw new Error(`${COMMON_PASSWORDS_PATH} is missing, or is not a list of passwords.`);
  return (password) => fingerprints.has(fingerprint(fold(password)));
}

export type CommonPasswords = ReturnType<typeof createCommonPasswords>;

/** The list, kept per isolate. The first check of a password reads the list, in one round trip. */
export function createCommonPasswords() {
  // Not a promise: if the request that reads the list is cancelled, other requests would wait for its promise forever.
  let isCommon: ReturnType<typeof commonPasswordsIn> | undefined;
  return {
    /** Returns the check. If the list can't be read, the check throws `StorageUnavailable`, so no password passes. */
    in(assets: Fetcher, hops: Hops): IsCommonPassword {
      return async (password) => {
        isCommon ??= await hops.hop("assets", () => readList(assets));
        return isCommon(password);
      };
    },
  };
}

async function readList(assets: Fetcher) {
  // The binding finds assets by their path, and ignores the host.
  const response = await assets.fetch(`https://assets.invalid${COMMON_PASSWORDS_PATH}`);
  return commonPasswordsIn(new Uint8Array(await response.arrayBuffer()));
}
