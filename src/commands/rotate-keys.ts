/**
 * `npm run keys:rotate`: rotates the signing keys by hand. The timestamps of a key decide what it may do, so this
 * command only sets one of them to now. The running service then rotates the keys.
 */
import { type AuditEvent, type AuditEventType, NO_REQUEST } from "../audit/event-types.ts";
import { JWKS_MAX_AGE_SECONDS } from "../features/well-known/jwks-cache-header.ts";
import { newestKey } from "../keys/signing-key.ts";
import { makeKeyDue, readSigningKeys, revokeKeys } from "../keys/signing-key-rows.ts";
import { MINUTE, SECOND, toIsoTime } from "../platform/clock.ts";
import { createId, systemRandom } from "../platform/random.ts";
import { type Directory, withDatabase } from "./database.ts";
import { giveUp, PLACE_FLAGS, PLACE_USAGE, type Place, readFlags, understandCommand } from "./flags.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";

const USAGE = `Usage: npm run keys:rotate -- [flags]

Makes the signing key due for a successor.

  --emergency           revoke every key at once instead: every token that they signed is refused from then on
  --kid <id>            with --emergency, revoke only this key
${PLACE_USAGE}
`;

const UNCHANGED = "Nothing changed.";

/** An RFC 7638 thumbprint over SHA-256. */
const KEY_ID = /^[A-Za-z0-9_-]{43}$/;

/** Runs the command. Returns its exit code. */
export async function rotateKeys(argv: readonly string[], world: Surroundings): Promise<number> {
  const own = { emergency: { type: "boolean" }, kid: { type: "string" } } as const;
  const parsed = readFlags(joinKeyId(argv), { ...PLACE_FLAGS, ...own });
  const command = understandCommand(parsed, USAGE, world, ({ values: { emergency, kid } }) => {
    if (kid === undefined) return undefined;
    if (!KEY_ID.test(kid)) return "--kid takes a key id: 43 characters of base64url.";
    return emergency ? undefined : "--kid goes with --emergency: a planned rotation concerns the newest key.";
  });
  if (typeof command === "number") return command;
  const { values, place } = command;
  return withDatabase(place, world, (directory) =>
    values.emergency ? revoke(values.kid, directory, world) : rotate(place, directory, world),
  );
}

/** Joins `--kid` and its value with `=`, because one key id in 64 begins with a dash and would be read as a flag. */
function joinKeyId(argv: readonly string[]): string[] {
  const at = argv.indexOf("--kid");
  const id = argv[at + 1];
  return at === -1 || id === undefined || !KEY_ID.test(id)
    ? [...argv]
    : [...argv.slice(0, at), `--kid=${id}`, ...argv.slice(at + 2)];
}

async function rotate({ remote, volume }: Place, { db, now }: Directory, { say }: Surroundings): Promise<number> {
  const newest = newestKey((await readSigningKeys(db)).rows);
  if (newest === undefined) {
    say(`There is no signing key to rotate: the next login makes one. ${UNCHANGED}\n`);
    return 0;
  }
  if (newest.signsFrom > now) {
    say(`A successor is published already: ${newest.id} signs from ${toIsoTime(newest.signsFrom)}. ${UNCHANGED}\n`);
    return 0;
  }
  const change = eventOf("signing_keys_rotated", now);
  const [changed] = await makeKeyDue(db, newest.id, change);
  const since = toIsoTime(newest.rotatesAt);
  say(`${changed === undefined ? `1 key has been due for a successor since ${since}: ${newest.id}. ${UNCHANGED}` : `1 key is due for a successor now: ${newest.id}.`}
${
  remote || volume !== undefined
    ? "The cron trigger publishes the successor within two minutes."
    : "The cron trigger publishes the successor. To run it here: curl http://localhost:8787/cdn-cgi/handler/scheduled"
}
It signs KEY_PUBLISH_LEAD_MINUTES later, when every verifier has it. Tokens signed until then stay valid until they expire.
`);
  return 0;
}

async function revoke(kid: string | undefined, { db, now }: Directory, world: Surroundings): Promise<number> {
  const change = eventOf("signing_keys_revoked", now);
  const changed = await revokeKeys(db, kid, change);
  const keys = (await readSigningKeys(db)).rows;
  const named = keys.find(({ id }) => id === kid);
  if (kid !== undefined && named === undefined) return giveUp(`No key has the id ${kid}.`, world);
  if (changed.length === 0) {
    const which = named === undefined ? "Every key" : `The key ${named.id}`;
    const since = typeof named?.revokedAt === "number" ? ` since ${toIsoTime(named.revokedAt)}` : "";
    world.say(
      `${keys.length === 0 ? "There is no signing key to revoke." : `${which} was revoked already${since}.`} ${UNCHANGED}\n`,
    );
    return 0;
  }
  const signing = newestKey(keys.filter(({ signsFrom }) => signsFrom <= now));
  world.say(`${changed.length === 1 ? "1 key is" : `${changed.length} keys are`} revoked: ${changed.join(", ")}.
From now on this service refuses every access token signed with it. Verifiers that use a copy of the JWKS follow when
that copy expires: after ${(JWKS_MAX_AGE_SECONDS * SECOND) / MINUTE} minutes, by our Cache-Control.
${signing === undefined ? "The next login or refresh makes a new key, which signs at once." : `Logins and refreshes sign with ${signing.id}.`}
Sessions go on: clients get a valid token by refreshing.
`);
  return 0;
}

/** Creates an audit event without a user: an operator runs the command, not a user of the service. */
function eventOf(type: AuditEventType, now: number): AuditEvent {
  const who = { actorId: null, userId: null, ...NO_REQUEST };
  return { id: createId(now, systemRandom), type, occurredAt: now, ...who, details: null };
}

if (import.meta.main) await endWith(await rotateKeys(process.argv.slice(2), here()));
