import { describe, expect, it } from "vitest";
import { rotateKeys } from "../../src/commands/rotate-keys.ts";
import { parseRotationFlags } from "../../src/commands/rotation-flags.ts";
import { makeTree } from "./stand-in.ts";

const KEY = "5q000shk6aFcMEgRqEOPEzfL7-gl5wm16KA9HWQ5fqA";
const DASHED = `-${KEY.slice(1)}`;
const NOW = 1_700_000_000_000;

interface Row {
  id: string;
  signs_from: number;
  rotates_at: number;
  revoked_at: number | null;
  now: number;
}

const row = (changes: Partial<Row> = {}): Row => ({
  id: KEY,
  signs_from: NOW - 1,
  rotates_at: NOW + 1,
  revoked_at: null,
  now: NOW,
  ...changes,
});

/** Runs the command against a wrangler that answers with these rows. */
async function rotated(argv: string[], changed: string[], keys: Row[]) {
  const answer = JSON.stringify([{ results: [] }, { results: changed.map((id) => ({ id })) }, { results: keys }]);
  const work = makeTree(`console.log(${JSON.stringify(answer)})`);
  const code = await rotateKeys(argv, work);
  return { code, said: work.said(), complained: work.complained(), call: work.calls()[0] ?? [] };
}

describe("the flags of npm run keys:rotate", () => {
  it("ask for a planned rotation of the local keys where nothing is given", () => {
    expect(parseRotationFlags([])).toEqual({
      help: false,
      emergency: false,
      remote: false,
      kid: undefined,
      persistTo: undefined,
    });
  });

  it.each([
    [["--emergency", "--kid", KEY], KEY],
    [["--emergency", `--kid=${KEY}`], KEY],
    [["--kid", DASHED, "--emergency"], DASHED],
  ])("take a key id: %j", (argv, kid) => {
    expect(parseRotationFlags(argv)).toMatchObject({ emergency: true, kid });
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
    const { code, complained, call } = await rotated(argv, [], []);
    expect(code).toBe(2);
    expect(complained).toContain(fault);
    expect(complained).toContain("Usage: npm run keys:rotate");
    expect(call).toEqual([]);
  });
});

describe("npm run keys:rotate", () => {
  it("makes the newest key due, and says what happens next", async () => {
    const { code, said, call } = await rotated(["--persist-to=./state"], [KEY], [row()]);
    expect(code).toBe(0);
    expect(said).toContain(`1 key is due for a successor now: ${KEY}`);
    expect(said).toContain("/cdn-cgi/handler/scheduled");
    expect(call.slice(0, 7)).toEqual(["d1", "execute", "DB", "--local", "--persist-to=./state", "--json", "--yes"]);
    expect(call.at(-1)).toMatch(/; UPDATE signing_keys SET rotates_at = /);
  });

  it("goes to the deployed database with --remote", async () => {
    const { said, call } = await rotated(["--remote"], [KEY], [row()]);
    expect(call).toContain("--remote");
    expect(call).not.toContain("--local");
    expect(said).toContain("within 15 minutes");
  });

  it.each([
    ["is due already", [row({ rotates_at: NOW - 5 })], "has been due for a successor since"],
    [
      "has a successor that waits to sign",
      [row(), row({ id: DASHED, signs_from: NOW + 9 })],
      "A successor is published already",
    ],
    ["does not exist", [], "There is no signing key to rotate"],
    ["is revoked", [row({ revoked_at: NOW })], "There is no signing key to rotate"],
  ])("changes nothing where the newest key %s", async (_, keys, words) => {
    const { code, said } = await rotated([], [], keys);
    expect(code).toBe(0);
    expect(said).toContain(words);
    expect(said).toContain("Nothing changed");
  });

  it("revokes every key in an emergency", async () => {
    const revoked = { revoked_at: NOW };
    const { code, said, call } = await rotated(
      ["--emergency"],
      [KEY, DASHED],
      [row(revoked), row({ id: DASHED, ...revoked })],
    );
    expect(code).toBe(0);
    expect(said).toContain(`2 keys are revoked: ${KEY}, ${DASHED}.`);
    expect(said).toContain("The next login or refresh makes a new key");
    expect(call.at(-1)).toMatch(/SET revoked_at = .* WHERE revoked_at IS NULL RETURNING id;/);
  });

  it("revokes one key by its id, and names the one that signs instead", async () => {
    const { said, call } = await rotated(
      ["--emergency", "--kid", KEY],
      [KEY],
      [row({ revoked_at: NOW }), row({ id: DASHED })],
    );
    expect(said).toContain("1 key is revoked");
    expect(said).toContain(`sign with ${DASHED}`);
    expect(call.at(-1)).toContain(`WHERE revoked_at IS NULL AND id = '${KEY}' RETURNING`);
  });

  it.each([
    ["every key is revoked", ["--emergency"], [row({ revoked_at: NOW })], "Every key was revoked already."],
    ["there is no key", ["--emergency"], [], "There is no signing key to revoke."],
    [
      "the named key is revoked",
      ["--emergency", "--kid", KEY],
      [row({ revoked_at: NOW })],
      `The key ${KEY} was revoked already since 2023`,
    ],
  ])("does nothing a second time where %s", async (_, argv, keys, words) => {
    const { code, said } = await rotated(argv, [], keys);
    expect(code).toBe(0);
    expect(said).toContain(words);
  });

  it("fails where no key has that id", async () => {
    const { code, complained } = await rotated(["--emergency", "--kid", KEY], [], [row({ id: DASHED })]);
    expect(code).toBe(1);
    expect(complained).toContain(`No key has the id ${KEY}`);
  });

  it.each([
    ["fails", `console.log("no such table: signing_keys"); process.exit(5)`, 5, "It has no tables yet"],
    ["says something that can't be understood", `console.log("[{}]")`, 1, "nothing is known to have changed"],
    ["says nothing", "", 1, "nothing is known to have changed"],
  ])("shows what wrangler said when it %s", async (_, script, code, words) => {
    const work = makeTree(script);
    expect(await rotateKeys([], work)).toBe(code);
    expect(work.complained()).toContain(words);
    expect(work.said()).toBe("");
  });

  it("explains itself on --help, and says that the packages are missing", async () => {
    const work = makeTree();
    expect(await rotateKeys(["--help"], work)).toBe(0);
    expect(work.said()).toContain("Usage: npm run keys:rotate");
    expect(await rotateKeys([], work)).toBe(1);
    expect(work.complained()).toContain("npm ci");
  });
});
