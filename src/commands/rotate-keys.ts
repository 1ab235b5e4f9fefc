/**
 * `npm run keys:rotate`: rotates the signing keys by hand. What a key may do is derived from its
 * timestamps, so a rotation is nothing but a timestamp set to now; the running service does the rest.
 */
import * as z from "zod";
import type { AuditEventType } from "../audit/event-types.ts";
import { JWKS_MAX_AGE_SECONDS } from "../config/config.ts";
import { MINUTE, SECOND, systemClock, toIsoTime } from "../platform/clock.ts";
import { createId, systemRandom } from "../platform/random.ts";
import { DATABASE_NOW as NOW, openCommandDatabase } from "./database.ts";
import { understand } from "./flags.ts";
import { parseRotationFlags, type RotationFlags, USAGE } from "./rotation-flags.ts";
import { here, type Surroundings } from "./surroundings.ts";

const keySchema = z.object({
  id: z.string(),
  signs_from: z.number(),
  rotates_at: z.number(),
  revoked_at: z.number().nullable(),
  now: z.number(),
});

/** What `wrangler d1 execute --json` prints: a result for each statement. */
const resultsSchema = z.tuple([
  z.object({}),
  z.object({ results: z.array(z.object({ id: z.string() })) }),
  z.object({ results: z.array(keySchema) }),
]);

type Key = z.output<typeof keySchema>;

/** Runs the command. Answers its exit code. */
export async function rotateKeys(argv: readonly string[], world: Surroundings): Promise<number> {
  const { say, complain } = world;
  const flags = understand(parseRotationFlags(argv), USAGE, world);
  if (typeof flags === "number") return flags;
  const answer = await openCommandDatabase(flags, world)?.query(rotationStatements(flags), resultsSchema);
  if (answer === undefined) return 1;
  if ("failed" in answer) return answer.failed;
  const [, changed, keys] = answer;
  const outcome = describe(
    flags,
    changed.results.map(({ id }) => id),
    keys.results,
  );
  (outcome.ok ? say : complain)(`${outcome.lines.join("\n")}\n`);
  return outcome.ok ? 0 : 1;
}

/** Three statements: a note of it for the audit log, the change, which doing it twice does not do twice, and a look at every key. */
function rotationStatements({ emergency, kid }: RotationFlags): string {
  // The id was parsed against its alphabet: nothing in it can end the text.
  const named = kid === undefined ? "" : ` AND id = '${kid}'`;
  const newest = "SELECT id FROM signing_keys WHERE revoked_at IS NULL ORDER BY signs_from DESC, sequence DESC LIMIT 1";
  const meant = emergency
    ? `revoked_at IS NULL${named}`
    : `id = (${newest}) AND signs_from <= ${NOW} AND rotates_at > ${NOW}`;
  const eventId = createId(systemClock.now(), systemRandom);
  const type: AuditEventType = emergency ? "signing_keys_revoked" : "signing_keys_rotated";
  return [
    `INSERT INTO audit_events (id, type, occurred_at, details) SELECT '${eventId}', '${type}', ${NOW}, json_object('key_ids', group_concat(id, ' ')) FROM signing_keys WHERE ${meant} HAVING count(*) > 0`,
    `UPDATE signing_keys SET ${emergency ? "revoked_at" : "rotates_at"} = ${NOW} WHERE ${meant} RETURNING id`,
    `SELECT id, signs_from, rotates_at, revoked_at, ${NOW} AS now FROM signing_keys ORDER BY signs_from, sequence`,
  ].join("; ");
}

/** What happened and what happens next, in plain words. */
export function describe(flags: RotationFlags, changed: string[], keys: Key[]): { ok: boolean; lines: string[] } {
  return flags.emergency
    ? describeRevocation(flags, changed, keys)
    : { ok: true, lines: describeRotation(flags, changed, keys) };
}

function describeRotation(flags: RotationFlags, changed: string[], keys: Key[]): string[] {
  const newest = keys.filter((key) => key.revoked_at === null).at(-1);
  if (newest === undefined) return ["There is no signing key to rotate: the next login makes one. Nothing changed."];
  if (newest.signs_from > newest.now) {
    return [
      `A successor is published already: ${newest.id} signs from ${toIsoTime(newest.signs_from)}. Nothing changed.`,
    ];
  }
  const done =
    changed.length > 0
      ? `1 key is due for a successor now: ${newest.id}.`
      : `1 key has been due for a successor since ${toIsoTime(newest.rotates_at)}: ${newest.id}. Nothing changed.`;
  const trigger = flags.remote
    ? "The cron trigger publishes the successor within 15 minutes."
    : "The cron trigger publishes the successor; on this machine you fire it: curl http://localhost:8787/cdn-cgi/handler/scheduled";
  return [
    done,
    trigger,
    "It signs KEY_PUBLISH_LEAD_MINUTES later, when every verifier has it. Tokens signed until then stay good until they expire.",
  ];
}

function describeRevocation(flags: RotationFlags, changed: string[], keys: Key[]): { ok: boolean; lines: string[] } {
  const named = keys.find(({ id }) => id === flags.kid);
  if (flags.kid !== undefined && named === undefined)
    return { ok: false, lines: [`No key has the id ${flags.kid}. Nothing changed.`] };
  if (changed.length === 0) {
    const since = typeof named?.revoked_at === "number" ? ` since ${toIsoTime(named.revoked_at)}` : "";
    const lines = [
      `${named === undefined ? "Every key" : `The key ${named.id}`} was revoked already${since}. Nothing changed.`,
    ];
    return { ok: true, lines: keys.length === 0 ? ["There is no signing key to revoke. Nothing changed."] : lines };
  }
  const signing = keys.filter((key) => key.revoked_at === null && key.signs_from <= key.now).at(-1);
  const lines = [
    `${changed.length === 1 ? "1 key is" : `${changed.length} keys are`} revoked: ${changed.join(", ")}.`,
    "This service refuses every access token signed with it from this moment on. Whoever verifies with a copy of the JWKS " +
      `follows when that copy expires: after ${(JWKS_MAX_AGE_SECONDS * SECOND) / MINUTE} minutes, by our Cache-Control.`,
    signing === undefined
      ? "The next login or refresh makes a new key, which signs at once."
      : `Logins and refreshes sign with ${signing.id}.`,
    "Sessions live on: clients get a good token by refreshing.",
  ];
  return { ok: true, lines };
}

if (import.meta.main) process.exitCode = await rotateKeys(process.argv.slice(2), here());
