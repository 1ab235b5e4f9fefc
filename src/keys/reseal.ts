import type { AuditTrail } from "../audit/trail.ts";
import type { Database } from "../db/client.ts";
import type { Secrets } from "../platform/crypto.ts";
import { writeLog } from "../platform/log.ts";
import type { Random } from "../platform/random.ts";
import { openPrivateJwk, sealPrivateJwk } from "./sealed-key.ts";
import { readSealedKeys, replaceSeal } from "./signing-key-rows.ts";

/**
 * Reseals under the current secret every key that only the previous secret opens, so that the previous one can be
 * removed. The key itself does not change: it keeps its id, its times and the tokens that it signed. A key that neither
 * secret opens is skipped.
 */
export async function resealSigningKeys(parts: {
  db: Database;
  secrets: Secrets;
  audit: AuditTrail;
  random: Random;
}): Promise<void> {
  const { db, secrets, audit, random } = parts;
  for (const row of await readSealedKeys(db)) {
    const opened = await openPrivateJwk(row, secrets);
    if (opened === undefined || opened.isCurrent) continue;
    const sealed = await sealPrivateJwk(row.id, opened.plaintext, secrets, random);
    // Another isolate has resealed the key, or it was deleted. Nothing is left to do.
    if (!(await replaceSeal(db, row.id, row.sealedPrivateJwk, sealed))) continue;
    writeLog("info", { event: "signing_key_resealed", key_id: row.id });
    audit.note("signing_key_resealed", { details: { key_id: row.id } });
  }
}
