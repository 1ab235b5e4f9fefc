/** Finds out which signing keys a secret opens, to prove that it is the service's AUTH_SECRET. */
import { openPrivateJwk } from "../keys/sealed-key.ts";
import { readSigningKeys, type SealedKey } from "../keys/signing-key-rows.ts";
import { createSecrets } from "../platform/crypto.ts";
import type { Directory } from "./database.ts";

/** The signing keys that are not revoked, oldest first. */
export async function readTrustedKeys(db: Directory["db"]): Promise<SealedKey[]> {
  const { rows } = await readSigningKeys(db);
  return rows.filter(({ revokedAt }) => revokedAt === null).toSorted((left, right) => left.sequence - right.sequence);
}

/** The keys that the secret opens. */
export async function openedBy(secret: string, keys: readonly SealedKey[]): Promise<SealedKey[]> {
  const secrets = createSecrets(secret);
  const opened = await Promise.all(keys.map((key) => openPrivateJwk(key, secrets)));
  return keys.filter((_, index) => opened[index] !== undefined);
}
