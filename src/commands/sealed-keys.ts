/** The signing keys that lie sealed in the database, and which of them a secret opens. */
import * as z from "zod";
import { openPrivateJwk } from "../keys/sealed-key.ts";
import type { SealedKey } from "../keys/signing-key-rows.ts";
import { createSecrets } from "../platform/crypto.ts";
import type { CommandDatabase, Failed } from "./database.ts";

const keysSchema = z.tuple([
  z.object({
    results: z.array(
      z
        .object({ id: z.string(), sealed_private_jwk: z.string() })
        .transform(({ id, sealed_private_jwk }): SealedKey => ({ id, sealedPrivateJwk: sealed_private_jwk })),
    ),
  }),
]);

/** The signing keys that somebody may still trust. */
export async function readSealedKeys(database: CommandDatabase): Promise<SealedKey[] | Failed> {
  const query = "SELECT id, sealed_private_jwk FROM signing_keys WHERE revoked_at IS NULL ORDER BY sequence";
  const found = await database.query(query, keysSchema);
  return "failed" in found ? found : found[0].results;
}

/** Of the keys, the ids of those that the secret opens. */
export async function openedBy(secret: string, keys: readonly SealedKey[]): Promise<Set<string>> {
  const secrets = createSecrets(secret);
  const opened = await Promise.all(
    keys.map(async (key) => ((await openPrivateJwk(key, secrets)) === undefined ? [] : [key.id])),
  );
  return new Set(opened.flat());
}
