import { describe, expect, it } from "vitest";
import { rotateKeys } from "../../src/commands/rotate-keys.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { makeTree } from "./stand-in.ts";

const KEY = "5q000shk6aFcMEgRqEOPEzfL7-gl5wm16KA9HWQ5fqA";
const DASHED = `-${KEY.slice(1)}`;
const HOUR = 3_600_000;
const NOW = Date.now();

interface Key {
  id: string;
  signs_from: number;
  rotates_at: number;
  revoked_at: number | null;
}

const key = (changes: Partial<Key> = {}): Key => ({
  id: KEY,
  signs_from: NOW - HOUR,
  rotates_at: NOW + HOUR,
  revoked_at: null,
  ...changes,
});

const database = await makeLocalDatabase();

/** Runs the command on a database with these keys. */
async function rotated(argv: string[], keys: Key[]) {
  database.change("DELETE FROM signing_keys; DELETE FROM audit_events");
  for (const [index, { id, signs_from, rotates_at, revoked_at }] of keys.entries())
    database.change(
      `INSERT INTO signing_keys VALUES (${index + 1}, '${id}', 'ES256', '{}', 'sealed', 0, ${signs_from}, ${rotates_at}, ${revoked_at})`,
    );
  const work = makeTree(undefined, [], database);
  const code = await rotateKeys(argv, work);
  const after = database.rows("SELECT id, signs_from, rotates_at, revoked_at FROM signing_keys ORDER BY sequence");
  const events = database.rows("SELECT type, actor_id, user_id, details FROM audit_events");
  return { code, said: work.said(), complained: work.complained(), places: work.places, keys: after, events };
}

const isNow = (time: unknown) => typeof time === "number" && Math.abs(time - Date.now()) < 60_000;

describe("the flags of npm run keys:rotate", () => {
  it.each([
    [["--emergency", "--kid", KEY], KEY],
    [["--emergency", `--kid=${KEY}`], KEY],
    [["--kid", DASHED, "--emergency"], DASHED],
  ])("take a key id: %j", async (argv, kid) => {
    const other = key({ id: `_${KEY.slice(1)}` });
    const { keys } = await rotated(argv, [key({ id: kid }), other]);
    expect(keys).toEqual([key({ id: kid, revoked_at: expect.toSatisfy(isNow) }), other]);
  });

  it.each([
    ["an unknown flag", ["--nope"], "Unknown option '--nope'"],
    ["a word", ["now"], "Unexpected argument 'now'"],
    ["--kid without an id", ["--emergency", "--kid"], "--kid"],
    ["a short id", ["--emergency", "--kid", "abc"], "43 characters"],
    ["a long id", ["--emergency", `--kid=${KEY}A`], "43 characters"],
    ["an id that would end the text", ["--emergency", `--kid=' OR 1=1 --${KEY.slice(13)}`], "43 characters"],
    ["an id with a line break", ["--emergency", `--kid=${KEY}\n`], "43 characters"],
    ["--kid without --emergency", ["--kid", KEY], "goes with --emergency"],
    ["local state of a remote database", ["--remote", "--persist-to", "x"], "does not go with --remote"],
  ])("refuse %s with the usage and exit code 2", async (_, argv, fault) => {
    const { code, complained, places, keys } = await rotated(argv, [key()]);
    expect(code).toBe(2);
    expect(complained).toContain(fault);
    expect(complained).toContain("Usage: npm run keys:rotate");
    expect(places).toEqual([]);
    expect(keys).toEqual([key()]);
  });
});

describe("npm run keys:rotate", () => {
  it("makes the newest key due, says what happens next, and records it", async () => {
    const older = key({ id: DASHED, signs_from: NOW - 2 * HOUR });
    const { code, said, places, keys, events } = await rotated(["--persist-to=./state"], [older, key()]);
    expect(code).toBe(0);
    expect(said).toContain(`1 key is due for a successor now: ${KEY}`);
    expect(said).toContain("/cdn-cgi/handler/scheduled");
    expect(places).toEqual([expect.objectContaining({ remote: false, persistTo: "./state" })]);
    expect(keys).toEqual([older, key({ rotates_at: expect.toSatisfy(isNow) })]);
    const details = JSON.stringify({ key_ids: KEY });
    expect(events).toEqual([{ type: "signing_keys_rotated", actor_id: null, user_id: null, details }]);
  });

  it("goes to the deployed database with --remote", async () => {
    const { said, places } = await rotated(["--remote"], [key()]);
    expect(places).toEqual([expect.objectContaining({ remote: true })]);
    expect(said).toContain("within two minutes");
  });

  it.each([
    ["is due already", [key({ rotates_at: NOW - 5 })], "has been due for a successor since"],
    [
      "has a successor that waits to sign",
      [key(), key({ id: DASHED, signs_from: NOW + HOUR })],
      "A successor is published already",
    ],
    ["does not exist", [], "There is no signing key to rotate"],
    ["is revoked", [key({ revoked_at: NOW })], "There is no signing key to rotate"],
  ])("changes nothing where the newest key %s", async (_, before, words) => {
    const { code, said, keys, events } = await rotated([], before);
    expect(code).toBe(0);
    expect(said).toContain(words);
    expect(said).toContain("Nothing changed");
    expect([keys, events]).toEqual([before, []]);
  });

  it("revokes every key in an emergency", async () => {
    const revoked = key({ id: `_${KEY.slice(1)}`, revoked_at: 7 });
    const { code, said, keys, events } = await rotated(["--emergency"], [revoked, key(), key({ id: DASHED })]);
    expect(code).toBe(0);
    expect(said).toContain(`2 keys are revoked: ${KEY}, ${DASHED}.`);
    expect(said).toContain("The next login or refresh makes a new key");
    const now = { revoked_at: expect.toSatisfy(isNow) };
    expect(keys).toEqual([revoked, key(now), key({ id: DASHED, ...now })]);
    const details = JSON.stringify({ key_ids: `${KEY} ${DASHED}` });
    expect(events).toEqual([{ type: "signing_keys_revoked", actor_id: null, user_id: null, details }]);
  });

  it("revokes one key by its id, and names the one that signs instead", async () => {
    const { said, keys } = await rotated(["--emergency", "--kid", KEY], [key(), key({ id: DASHED })]);
    expect(said).toContain("1 key is revoked");
    expect(said).toContain(`sign with ${DASHED}`);
    expect(keys).toEqual([key({ revoked_at: expect.toSatisfy(isNow) }), key({ id: DASHED })]);
  });

  it.each([
    ["every key is revoked", ["--emergency"], [key({ revoked_at: NOW })], "Every key was revoked already."],
    ["there is no key", ["--emergency"], [], "There is no signing key to revoke."],
    [
      "the named key is revoked",
      ["--emergency", "--kid", KEY],
      [key({ revoked_at: 1_700_000_000_000 })],
      `The key ${KEY} was revoked already since 2023`,
    ],
  ])("does nothing a second time where %s", async (_, argv, before, words) => {
    const { code, said, keys, events } = await rotated(argv, before);
    expect(code).toBe(0);
    expect(said).toContain(words);
    expect([keys, events]).toEqual([before, []]);
  });

  it("fails where no key has that id", async () => {
    const { code, complained, keys } = await rotated(["--emergency", "--kid", KEY], [key({ id: DASHED })]);
    expect(code).toBe(1);
    expect(complained).toContain(`No key has the id ${KEY}`);
    expect(keys).toEqual([key({ id: DASHED })]);
  });

  it.each([
    [[], "`npm run dev`"],
    [["--remote"], "`npm run deploy` makes them"],
  ])("says where the tables come from if there are none: %j", async (argv, words) => {
    const work = makeTree();
    expect(await rotateKeys(argv, work)).toBe(1);
    expect(work.complained()).toContain("Nothing is known to have changed");
    expect(work.complained()).toContain("It has no tables yet");
    expect(work.complained()).toContain(words);
    expect(work.said()).toBe("");
  });

  it("explains itself on --help", async () => {
    const work = makeTree();
    expect(await rotateKeys(["--help"], work)).toBe(0);
    expect(work.said()).toContain("Usage: npm run keys:rotate");
    expect(work.places).toEqual([]);
  });
});
