/** What the cron trigger does: rotate signing keys when they are due, and delete what has lapsed. */
import type { Services } from "./services.ts";

export async function runMaintenance({ clock, config, keyring, users }: Services): Promise<void> {
  await keyring.rotate();
  const now = clock.now();
  await users.deleteStale(now - config.accounts.unverifiedLifetime, now);
}
