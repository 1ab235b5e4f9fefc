/** The seeds of authenticator apps. A factor's record has the sealed seed, which is opened to check a code. */
import type { Secrets } from "../platform/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";
import type { StoredFactor, TotpFactor } from "./factor-records.ts";
import { SEED_BYTES, stepOf } from "./totp.ts";

/** Opened seeds by the id of their factor. */
type Seeds = ReadonlyMap<string, Uint8Array>;

const PURPOSE = "totp-seed";

/** Creates a seed. Returns it with its sealed form, which is stored. */
export async function createSeed(factorId: string, secrets: Secrets, random: Random) {
  const seed = random.bytes(SEED_BYTES);
  return { seed, sealedSeed: await sealSeed(factorId, seed, secrets, random) };
}

/** `secrets` are made from the user's factor key. The seed can be opened only with the same `factorId`. */
export async function sealSeed(factorId: string, seed: Uint8Array, secrets: Secrets, random: Random): Promise<string> {
  return encodeBase64url(await secrets.seal(PURPOSE, seed, factorId, random));
}

export async function openSeeds(factors: readonly StoredFactor[], secrets: Secrets): Promise<Seeds> {
  const seeds = new Map<string, Uint8Array>();
  for (const { id, content } of factors.filter(isTotp)) {
    const sealed = decodeBase64url(content.sealedSeed);
    const opened = sealed && (await secrets.open(PURPOSE, sealed, id));
    if (opened !== undefined) seeds.set(id, opened.plaintext);
  }
  return seeds;
}

/**
 * Returns the factor that a code belongs to, with the changes that this use makes; `undefined` if the code is wrong,
 * expired or already used.
 */
export function usedTotp(
  factors: readonly StoredFactor[],
  seeds: Seeds,
  code: string,
  now: number,
): TotpFactor | undefined {
  for (const factor of factors.filter(isTotp)) {
    const seed = seeds.get(factor.id);
    const step = seed && stepOf(seed, code, factor.content.lastStep, now);
    if (step !== undefined) return { ...factor, content: { ...factor.content, lastStep: step }, lastUsedAt: now };
  }
  return undefined;
}

function isTotp(factor: StoredFactor): factor is TotpFactor {
  return factor.kind === "totp";
}
