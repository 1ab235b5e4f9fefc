import type { Argon2Variant } from "../../platform/argon2.ts";
import { constantTimeEqual } from "../../platform/crypto.ts";
import { utf8 } from "../../platform/encoding.ts";
import { HASH_BOUNDS, isWithin } from "../hash-bounds.ts";
import {
  decodePadded,
  IMPORT_WITHOUT_HASH,
  type Reading,
  spellings,
  type Unreadable,
  unreadable,
} from "../hash-format.ts";

const PHC =
  /^\$argon2(?:id|i|d)\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;

/**
 * Reads Argon2 (RFC 9106) in PHC strings: `$argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>`. PHC strings have no base64
 * padding, but some services write it.
 */
export function readArgon2(text: string): Reading {
  if (/^argon2\$argon2/.test(text))
    return unreadable("Remove the “argon2” that Django wrote in front of the hash, up to the second $.");
  const variant = variantOf(text);
  if (variant === undefined) return undefined;
  if (!text.startsWith(`$${variant}$v=19$`)) {
    return unreadable(`Only version 1.3 (v=19) of Argon2 is supported. ${IMPORT_WITHOUT_HASH}`);
  }
  const [, memoryText, passesText, lanesText, saltText = "", hashText = ""] = PHC.exec(text) ?? [];
  const [memory, passes, lanes] = [Number(memoryText), Number(passesText), Number(lanesText)];
  const salt = decodePadded(saltText);
  const hash = decodePadded(hashText);
  if (salt === undefined || hash === undefined || memoryText === undefined) {
    return unreadable(
      "An Argon2 hash has the form $argon2id$v=19$m=…,t=…,p=…$salt$hash: this one was truncated or changed.",
    );
  }
  const cost = { memory, passes, lanes };
  const excess = costFault(cost);
  if (excess !== undefined) return excess;
  if (!isWithin(salt.byteLength, HASH_BOUNDS.salt) || !isWithin(hash.byteLength, HASH_BOUNDS.hash)) {
    return unreadable(
      `Argon2 needs a salt of ${HASH_BOUNDS.salt.min} to ${HASH_BOUNDS.salt.max} bytes and a hash of ${HASH_BOUNDS.hash.min} to ${HASH_BOUNDS.hash.max}.`,
    );
  }
  return {
    scheme: variant,
    verify: (password, { argon2 }) =>
      spellings(password).some((text) =>
        constantTimeEqual(argon2(variant, utf8(text), salt, cost, hash.byteLength), hash),
      ),
  };
}

function variantOf(text: string): Argon2Variant | undefined {
  const variants = ["argon2id", "argon2i", "argon2d"] as const;
  return variants.find((variant) => text.startsWith(`$${variant}$`));
}

function costFault({
  memory,
  passes,
  lanes,
}: {
  memory: number;
  passes: number;
  lanes: number;
}): Unreadable | undefined {
  const { maxMemory, maxWork, maxLanes, minMemoryPerLane } = HASH_BOUNDS.argon2;
  if (memory > maxMemory) {
    return unreadable(
      `Argon2 with m=${memory}: a Worker has memory for m=${maxMemory} at most. ${IMPORT_WITHOUT_HASH}`,
    );
  }
  if (memory * passes > maxWork) {
    return unreadable(
      `Argon2 with m=${memory}, t=${passes}: m times t must be at most ${maxWork}. ${IMPORT_WITHOUT_HASH}`,
    );
  }
  if (lanes > maxLanes || memory < lanes * minMemoryPerLane) {
    return unreadable(
      `Argon2 with p=${lanes}: p must be at most ${maxLanes}, and m at least ${minMemoryPerLane} times p.`,
    );
  }
  return undefined;
}
