/** What the secrets have to do with the database: the signing keys that they seal, and the note in the audit log. */
import * as z from "zod";
import type { AuditEventType } from "../audit/events.ts";
import { openPrivateJwk } from "../keys/sealed-key.ts";
import type { SealedKey } from "../keys/store.ts";
import { systemClock } from "../platform/clock.ts";
import { createSecrets } from "../platform/crypto.ts";
import { createId, type Random } from "../platform/random.ts";
import { type CommandDatabase, DATABASE_NOW, type Failed } from "./database.ts";

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

/** Notes in the audit log what was done. Nobody who is known to the service did it: the event has no actor. */
export async function noteSecretChange(
  database: CommandDatabase,
  type: AuditEventType,
  random: Random,
): Promise<Failed | undefined> {
  const id = createId(systemClock.now(), random);
  const statement = `INSERT INTO audit_events (id, type, occurred_at) VALUES ('${id}', '${type}', ${DATABASE_NOW})`;
  const noted = await database.query(statement, z.tuple([z.object({})]));
  return "failed" in noted ? noted : undefined;
}
