/**
 * Lets an operator make the first superuser without a shell. While the service has no superuser and
 * `FIRST_SUPERUSER_EMAIL` is set, the cron job writes a link to the log. The link is the only secret that is ever
 * logged. That is acceptable, because a person who can read a Worker's log can usually also deploy another Worker in
 * its place.
 */
import type { Config } from "../config/config.ts";
import { invitationUrl } from "../links/link-url.ts";
import { type Clock, toIsoTime } from "../platform/clock.ts";
import type { Secrets } from "../platform/crypto.ts";
import { encodeBase64url, utf8 } from "../platform/encoding.ts";
import { writeLog } from "../platform/log.ts";
import { createId, type Random } from "../platform/random.ts";
import type { FirstSuperuserStore } from "../users/first-superuser.ts";

const MAC_BYTES = 16;

interface Parts {
  clock: Clock;
  config: Config;
  firstSuperuser: FirstSuperuserStore;
  random: Random;
  secrets: Secrets;
}

/**
 * Writes a link to the log if there is no superuser and no earlier link for the address is still valid. If the address
 * already has an account, logs a warning instead. Only a link for the address in the variable is accepted, so at most
 * one link works at a time.
 */
export async function offerFirstSuperuser({ clock, config, firstSuperuser, random, secrets }: Parts): Promise<void> {
  const { firstSuperuserEmail: email, links, publicUrl } = config;
  if (email === undefined) return;
  const now = clock.now();
  const subjectId = createId(now, random);
  const event = { id: subjectId, occurredAt: now };
  const addressMac = encodeBase64url(secrets.sign("first-superuser-address", utf8(email)).subarray(0, MAC_BYTES));
  const outcome = await firstSuperuser.recordLink(email, addressMac, event, now - links.firstSuperuserLifetime);
  if (outcome === "address taken") writeLog("warn", { event: "first_superuser_address_taken" });
  if (outcome !== "recorded") return;
  const expiresAt = now + links.firstSuperuserLifetime;
  // Always the hosted page, because an app's own pages may not handle this link.
  const page = `${publicUrl}/accept-invitation`;
  const content = { subjectId, expiresAt, mailId: createId(now, random), email };
  writeLog("warn", {
    event: "first_superuser_link",
    link: invitationUrl(page, "first-superuser", content, secrets),
    expires_at: toIsoTime(expiresAt),
  });
}
