/** The doctor's check of the signing keys in a database. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createKeyRow } from "../../src/keys/sealed-key.ts";
import { DAY, MINUTE } from "../../src/platform/clock.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { DEV_VARS, examine, makeConfigured, SECRET, startStandIn } from "./doctoring.ts";
import { type LocalDatabase, makeLocalDatabase } from "./local-database.ts";

const ANOTHER_SECRET = "another secret, with which a key was sealed";

describe("The doctor's check of the signing keys", () => {
  let database: LocalDatabase;
  beforeAll(async () => {
    database = await makeLocalDatabase();
  });
  beforeEach(() => database.change("DELETE FROM signing_keys"));

  const now = Date.now();

  /** Adds a key that signs from `signsFrom` for the usual period. Returns its id. */
  async function seal(sequence: number, signsFrom: number, secret = SECRET): Promise<string> {
    const secrets = createSecrets(secret);
    const about = { sequence, algorithm: "ES256", signsFrom, signingPeriod: 30 * DAY } as const;
    const row = await createKeyRow({ ...about, secrets, now, random: systemRandom });
    const columns = {
      sequence,
      id: row.id,
      algorithm: row.algorithm,
      public_jwk: row.publicJwk,
      sealed_private_jwk: row.sealedPrivateJwk,
      created_at: row.createdAt,
      signs_from: signsFrom,
      rotates_at: row.rotatesAt,
    };
    const names = Object.keys(columns);
    await database.DB.prepare(`INSERT INTO signing_keys (${names.join()}) VALUES (${names.map(() => "?").join()})`)
      .bind(...Object.values(columns))
      .run();
    return row.id;
  }

  function look({
    flags = [database.flag],
    vars = DEV_VARS,
    script,
  }: {
    flags?: string[];
    vars?: string;
    script?: string;
  } = {}) {
    return examine("signing-keys", flags, makeConfigured(undefined, vars, script, [], database));
  }

  it("knows a database without keys, and one whose keys are all revoked", async () => {
    expect((await look()).lines).toEqual([expect.stringMatching(/^ok: There is no signing key yet/)]);
    await seal(1, now - DAY);
    database.change("UPDATE signing_keys SET revoked_at = 1");
    expect((await look()).lines).toEqual([expect.stringMatching(/^warning: Every signing key is revoked/)]);
  });

  it.each([
    ["signs later", now + DAY, /^ok: The newest signing key .* is published, and signs from /],
    ["signs", now - 3 * DAY, /^ok: .* has signed for 3 days; its successor is due on /],
    ["is late by less than the cron job may be", now - 30 * DAY - MINUTE, /^ok: .* should have had a successor since /],
    [
      "is overdue",
      now - 40 * DAY,
      /^warning: .* has signed for 40 days, and should have had a successor since .*scheduled/,
    ],
  ])("judges the age of a key that %s", async (_, signsFrom, words) => {
    await seal(1, signsFrom);
    expect((await look()).lines).toEqual([expect.stringMatching(words)]);
  });

  it("fails where a deployed service's successor is overdue, and names the cron trigger", async () => {
    await seal(1, now - 40 * DAY);
    const script = `process.stdout.write(JSON.stringify([{ name: "AUTH_SECRET" }]));`;
    const url = await startStandIn();
    const { code, lines } = await look({ flags: ["--remote", "--url", url], vars: "", script });
    expect([code, lines]).toEqual([
      1,
      [
        expect.stringMatching(
          /^failed: .* should have had a successor since .* → The cron trigger makes it\. .*task_failed/,
        ),
      ],
    ]);
  });

  it("tells which secret opens the newest key, of two from one moment the later made", async () => {
    await seal(1, now - DAY);
    await seal(2, now - DAY, ANOTHER_SECRET);
    const { code, lines } = await look();
    expect([code, lines.at(1)]).toEqual([
      1,
      expect.stringMatching(/^failed: AUTH_SECRET does not open the newest signing key.* → Set AUTH_SECRET_PREVIOUS/),
    ]);
    const rotated = await look({ vars: `${DEV_VARS}AUTH_SECRET_PREVIOUS="${ANOTHER_SECRET}"\n` });
    expect([rotated.code, rotated.lines.at(1)]).toEqual([
      0,
      expect.stringMatching(/^warning: Only AUTH_SECRET_PREVIOUS opens the newest signing key\. → Run the cron job/),
    ]);
  });

  it("notices a service that publishes the keys of another database", async () => {
    const id = await seal(1, now - DAY);
    const publish = (kid: string) =>
      startStandIn({ "/.well-known/jwks.json": { keys: [{ kty: "EC", kid, alg: "ES256" }] } });
    const shared = await look({ flags: ["--url", await publish(id), "--volume", "any"] });
    expect(shared.lines).toEqual([expect.stringMatching(/^ok: /)]);
    const other = await publish("a-key-id-of-another-database");
    const byVolume = await look({ flags: ["--url", other, "--volume", "any"] });
    expect(byVolume.lines.at(1)).toMatch(
      /^warning: .* publishes none of the keys in this database.* → Check .*--volume/,
    );
    const local = await look({ flags: [database.flag, "--port", new URL(other).port] });
    expect(local.lines.at(1)).toMatch(/^warning: .* publishes none of the keys .* → Pass the same --persist-to/);
  });
});
