import { env } from "cloudflare:workers";
import { createId, systemRandom } from "../../src/platform/random.ts";

/** Stores an email that failed for good. Returns its id. */
export async function undelivered(userId: string = crypto.randomUUID()): Promise<string> {
  const id = createId(Date.now(), systemRandom);
  const event = JSON.stringify({ kind: "password_changed", userId });
  await env.DB.prepare(
    "INSERT INTO undelivered_emails (id, event, recipient, reason, failed_at, attempts) VALUES (?, ?, ?, ?, 1, 1)",
  )
    .bind(id, event, `${id}@example.com`, "smtp_rejected_550")
    .run();
  return id;
}
