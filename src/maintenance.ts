/**
 * What the cron trigger does. It rotates the signing keys when they are due, and seals them anew after a new secret. It
 * deletes what has lapsed.
 */

import type { Services } from "./endpoint/services.ts";
import { resealSigningKeys } from "./keys/reseal.ts";

/** So many audit events are deleted in one statement, and so many statements are made in one run. */
const EVENTS_A_STATEMENT = 5_000;
const MOST_STATEMENTS = 20;

export async function runMaintenance(services: Services): Promise<void> {
  const { clock, config, deletions, emailChanges, keyring, registrations } = services;
  const now = clock.now();
  const { undoEmailChangeLifetime, verifyEmailLifetime } = config.links;
  await keyring.rotate();
  if (config.secret.previous !== undefined) await resealSigningKeys(services);
  await registrations.deleteStale(now - config.accounts.unverifiedLifetime);
  // Confirmed at the last moment, a change can be undone for as long again.
  await emailChanges.deleteStale(now - verifyEmailLifetime - undoEmailChangeLifetime);
  await deletions.releaseUsernames(now);
  await deleteOldEvents(services, now - config.audit.retention);
}

async function deleteOldEvents({ auditEvents }: Services, before: number): Promise<void> {
  for (let statement = 0; statement < MOST_STATEMENTS; statement++) {
    const deleted = await auditEvents.deleteOlder(before, EVENTS_A_STATEMENT);
    if (deleted < EVENTS_A_STATEMENT) return;
  }
}
