/** What a change of the secret has in common, here and in the deployed Worker. */
import * as z from "zod";
import type { AuditEventType } from "../audit/event-types.ts";
import { systemClock } from "../platform/clock.ts";
import { createId, type Random } from "../platform/random.ts";
import { type CommandDatabase, DATABASE_NOW, type Failed } from "./database.ts";
import type { SecretFlags } from "./secret-flags.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Wrangler } from "./wrangler.ts";

export interface SecretSetting {
  flags: SecretFlags;
  wrangler: Wrangler;
  database: CommandDatabase;
  world: Surroundings;
  random: Random;
}

/** Refuses, before anything has changed. */
export function refuse(fault: string, { complain }: Surroundings): number {
  complain(`${fault} Nothing changed.\n`);
  return 1;
}

export const STILL_ROTATING =
  "AUTH_SECRET_PREVIOUS is still set: what was sealed under it would die at once. Finish that rotation first " +
  "(--finish), or say --replace-previous.";

export const RETIRED = `AUTH_SECRET_PREVIOUS is gone. Sessions that were not refreshed since the rotation have ended, and mailed links
that were not used since are dead: their owners log in again, or ask for another link.
`;

/** Notes what was done, and says it. The change stands even where the note could not be made. */
export async function conclude(
  type: "auth_secret_rotated" | "auth_secret_retired",
  words: string,
  { database, world, random }: SecretSetting,
): Promise<number> {
  const unnoted = await noteSecretChange(database, type, random);
  world.say(words);
  if (unnoted === undefined) return 0;
  world.complain("The secret has changed all the same. The audit log alone does not say so.\n");
  return unnoted.failed;
}

/** Notes in the audit log what was done. Nobody who is known to the service did it: the event has no actor. */
async function noteSecretChange(
  database: CommandDatabase,
  type: AuditEventType,
  random: Random,
): Promise<Failed | undefined> {
  const id = createId(systemClock.now(), random);
  const statement = `INSERT INTO audit_events (id, type, occurred_at) VALUES ('${id}', '${type}', ${DATABASE_NOW})`;
  const noted = await database.query(statement, z.tuple([z.object({})]));
  return "failed" in noted ? noted : undefined;
}
