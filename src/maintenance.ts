/** What the cron trigger does: rotate signing keys when they are due, and delete what has lapsed. */
import type { Services } from "./services.ts";

export async function runMaintenance({ clock, config, keyring, registrations }: Services): Promise<void> {
  await keyring.rotate();
  await registrations.deleteStale(clock.now() - config.accounts.unverifiedLifetime);
}
