/**
 * The cron job. Rotates the signing keys when they are due, reseals them after a change of the secret, and deletes
 * expired data.
 */

import type { Services } from "./endpoint/services.ts";

/** How many audit events one statement deletes, and how many statements one run makes. */
const EVENTS_A_STATEMENT = 5_000;
const MOST_STATEMENTS = 20;

export async function runMaintenance(services: Services): Promise<void> {
  const { clock, config, deletions, emailChanges, keyring, registrations } = services;
  const now = clock.now();
  const { undoEmailChangeLifetime, verifyEmailLifetime } = config.links;
  await keyring.rotate();
  if (config.secret.previous !== undefined) await keyring.reseal();
  await registrations.deleteStale(now - config.accounts.unverifiedLifetime);
  // A change that is confirmed at the last moment can still be undone for the full time.
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
