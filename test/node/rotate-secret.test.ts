import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rotateSecret } from "../../src/commands/rotate-secret.ts";
import { createKeyRow } from "../../src/keys/sealed-key.ts";
import type { SigningKeyRow } from "../../src/keys/signing-key-rows.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { makeTree } from "./stand-in.ts";

const CURRENT = "W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHrVd8TgAfC2iPjXy6B";
const OLDER = "p0Lk2Jh4Gf6Ds8Az1Xc3Vb5Nm7Qw9Er0Ty2Ui4Op6Kj8Hg1F";
const FRESH = /^[\w-]{64}$/;

const database = await makeLocalDatabase();

/** A signing key that is sealed under this secret. */
function keyUnder(secret: string): Promise<SigningKeyRow> {
  return createKeyRow({
    sequence: 1,
    algorithm: "ES256",
    signsFrom: 0,
    signingPeriod: 1,
    secrets: createSecrets(secret),
    now: 0,
    random: systemRandom,
  });
}

/** Puts these keys into the database, oldest first, and empties the audit log. */
function setKeys(keys: readonly SigningKeyRow[]): void {
  database.change("DELETE FROM signing_keys; DELETE FROM audit_events");
  for (const [index, { id, sealedPrivateJwk }] of keys.entries())
    database.change(
      `INSERT INTO signing_keys VALUES (${index + 1}, '${id}', 'ES256', '{}', '${sealedPrivateJwk}', 0, 0, 1, NULL)`,
    );
}

const readEvents = () => database.rows("SELECT type, actor_id, user_id, details FROM audit_events");
const eventOf = (type: string) => ({ type, actor_id: null, user_id: null, details: null });

/** The database, in which statements that match `pattern` fail. */
const failingOn = (pattern: RegExp) => ({
  DB: Object.assign(Object.create(database.DB), {
    prepare(query: string) {
      if (pattern.test(query)) throw new Error("D1_ERROR: no such table: signing_keys");
      return database.DB.prepare(query);
    },
  }),
});

interface Deployed {
  /** The secrets that are set before the command runs. */
  secrets: Record<string, string>;
  keys: SigningKeyRow[];
  /** What the operator types at questions. */
  answers?: string[];
  /** Code that the stand-in runs before its own. */
  script?: string;
  /** Statements that fail. */
  failing?: RegExp;
}

/** Runs the command against a stand-in for wrangler that keeps secrets in a file. */
async function run(argv: string[], { secrets, keys, answers, script = "", failing }: Deployed) {
  setKeys(keys);
  const work = makeTree(
    `const store = require("node:path").join(__dirname, "secrets.json");
     const read = () => JSON.parse(fs.readFileSync(store, "utf8"));
     const bulk = () => {
       const all = read();
       for (const [name, value] of Object.entries(JSON.parse(fs.readFileSync(0, "utf8"))))
         if (value === null) delete all[name]; else all[name] = value;
       fs.writeFileSync(store, JSON.stringify(all));
     };
     const [group, what] = args;
     ${script}
     if (group !== "secret") process.exit(9);
     else if (what === "list") console.log(JSON.stringify(Object.keys(read()).map((name) => ({ name, type: "secret_text" }))));
     else if (what === "bulk") bulk();
     else process.exit(9);`,
    answers,
    failing === undefined ? database : failingOn(failing),
  );
  cpSync(join(import.meta.dirname, "../../wrangler.toml"), join(work.root, "wrangler.toml"));
  mkdirSync(join(work.root, "deployments"));
  writeFileSync(join(work.root, "deployments/staging.toml"), "");
  const store = join(work.root, "node_modules/wrangler/bin/secrets.json");
  writeFileSync(store, JSON.stringify(secrets));
  const out = join(work.root, "new-secret.txt");
  const code = await rotateSecret(
    argv.map((flag) => flag.replace("OUT", out)),
    work,
  );
  return {
    code,
    said: work.said(),
    complained: work.complained(),
    calls: work.calls(),
    events: readEvents(),
    places: work.places,
    secrets: JSON.parse(readFileSync(store, "utf8")) as Record<string, string>,
    out: existsSync(out) ? readFileSync(out, "utf8").trimEnd() : undefined,
    mode: existsSync(out) ? statSync(out).mode & 0o777 : undefined,
  };
}

type Outcome = Awaited<ReturnType<typeof run>>;

const REMOTE = ["--remote", "--out=OUT"];

/** Expects that no secret was on a command line or in the output. */
function expectDiscretion({ calls, said, complained, secrets, out }: Outcome, ...others: string[]): void {
  for (const secret of [CURRENT, OLDER, out, ...others, ...Object.values(secrets)]) {
    if (secret !== undefined) expect(JSON.stringify([calls, said, complained])).not.toContain(secret);
  }
}

describe("the flags of npm run secret:rotate", () => {
  it.each([
    ["an unknown flag", ["--nope"], "Unknown option '--nope'"],
    ["a secret on the command line", ["--secret", CURRENT], "Unknown option '--secret'"],
    ["--remote without a file for the new secret", ["--remote"], "--out <file> is missing"],
    ["a file for a local secret", ["--out", "x"], "--out goes with --remote"],
    ["a file where none is made", ["--remote", "--finish", "--out", "x"], "not with --finish"],
    ["local state of a deployed service", [...REMOTE, "--persist-to", "x"], "does not go with --remote"],
  ])("refuse %s with the usage and exit code 2", async (_, argv, fault) => {
    const { code, complained, calls } = await run(argv, { secrets: {}, keys: [] });
    expect(code).toBe(2);
    expect(complained).toContain(fault);
    expect(complained).toContain("Usage: npm run secret:rotate");
    expect(calls).toEqual([]);
  });

  it("explain the command, which says that wrangler is missing", async () => {
    const work = makeTree();
    expect(await rotateSecret(["--help"], work)).toBe(0);
    expect(work.said()).toContain("Usage: npm run secret:rotate");
    expect(await rotateSecret(REMOTE, work)).toBe(1);
    expect(work.complained()).toContain("npm ci");
  });
});

describe("npm run secret:rotate -- --remote", () => {
  it("sets both secrets at once, and leaves the new one in a file of its own", async () => {
    const secrets = { AUTH_SECRET: CURRENT, RESEND_API_KEY: "re_1" };
    const outcome = await run(REMOTE, { secrets, keys: [await keyUnder(CURRENT)], answers: [CURRENT] });
    expect(outcome.complained).toBe("");
    expect(outcome.code).toBe(0);
    expect(outcome.out).toMatch(FRESH);
    expect(outcome.mode).toBe(0o600);
    expect(outcome.secrets).toEqual({ ...secrets, AUTH_SECRET: outcome.out, AUTH_SECRET_PREVIOUS: CURRENT });
    expect(outcome.calls.filter(([, what]) => what === "bulk")).toEqual([["secret", "bulk"]]);
    expect(outcome.events).toEqual([eventOf("auth_secret_rotated")]);
    expect(outcome.places).toEqual([expect.objectContaining({ remote: true })]);
    expect(outcome.said).toContain("password manager");
    expect(outcome.said).toContain("within two minutes");
    expectDiscretion(outcome);
  });

  it("changes nothing where there is no key that could prove the current secret", async () => {
    const outcome = await run(REMOTE, { secrets: { AUTH_SECRET: CURRENT }, keys: [], answers: [CURRENT] });
    expect(outcome.complained).toContain("log in once. Nothing changed.");
    expect([outcome.code, outcome.secrets]).toEqual([1, { AUTH_SECRET: CURRENT }]);
  });

  const weak = "a-secret-for-tests-that-is-long-enough-to-pass";
  const ready = { AUTH_SECRET: CURRENT };
  const noList = `if (what === "list") { console.error("not logged in"); process.exit(7); }`;
  const oddList = `if (what === "list") { console.log("{}"); process.exit(0); }`;
  it.each<[string, Record<string, string>, string[], string[], string, string]>([
    ["a previous secret is still set", { ...ready, AUTH_SECRET_PREVIOUS: OLDER }, [CURRENT], [CURRENT], "", "--fin"],
    ["no secret is deployed", {}, [CURRENT], [CURRENT], "", "`npm run deploy` makes it"],
    ["another secret is given", ready, [CURRENT], [OLDER], "", "is not the current secret"],
    ["an older secret is given", ready, [OLDER, CURRENT], [OLDER], "", "is not the current secret"],
    ["no secret is given", ready, [CURRENT], [], "", "is not the current secret"],
    ["the current one is weak", { AUTH_SECRET: weak }, [weak], [weak], "", "would not start with it"],
    ["the current one is short", { AUTH_SECRET: "tiny!" }, ["tiny!"], ["tiny!"], "", "is too short"],
    ["Cloudflare does not answer", ready, [CURRENT], [CURRENT], noList, "not logged in"],
    ["wrangler says something else", ready, [CURRENT], [CURRENT], oddList, "Cloudflare did not list the secrets"],
  ])("changes nothing where %s", async (_, secrets, sealers, answers, script, words) => {
    const keys = await Promise.all(sealers.map(keyUnder));
    const outcome = await run(REMOTE, { secrets, keys, answers, script });
    expect(outcome.code).toBe(1);
    expect(outcome.complained).toContain(words);
    expect(outcome.complained).toMatch(/[Nn]othing (is known to have )?changed/);
    expect(outcome.secrets).toEqual(secrets);
    expect(outcome.out).toBeUndefined();
    expectDiscretion(outcome, weak);
  });

  it("changes the environment that is named, and names it in every command that it suggests", async () => {
    const deployed = { secrets: ready, keys: [await keyUnder(CURRENT)], answers: [CURRENT] };
    const outcome = await run([...REMOTE, "--env", "staging"], deployed);
    expect(outcome.code, outcome.complained).toBe(0);
    const config = ".wrangler/deployments/staging.json";
    expect(outcome.calls.at(-1)).toEqual(["secret", "bulk", "--config", config]);
    expect(outcome.said).toContain("npm run secret:rotate -- --remote --env staging --finish");
    expect(outcome.places).toEqual([{ remote: true, environment: "staging" }]);
    const other = await run([...REMOTE, "--env", "staging"], { ...deployed, answers: [OLDER] });
    const unknown = await run([...REMOTE, "--env", "testing"], deployed);
    expect(unknown.complained).toContain("`npm run deploy -- --env testing` makes it. Nothing changed.");
    expect(other.complained).toContain(`npx wrangler secret put AUTH_SECRET --config ${config}`);
  });

  it("changes nothing where the new secret can't be written, or would be written over something", async () => {
    const keys = [await keyUnder(CURRENT)];
    for (const [out, words] of [
      ["OUT/in/no/folder", "can't be written"],
      ["/dev/null", "EEXIST"],
    ]) {
      const outcome = await run(["--remote", `--out=${out}`], { secrets: ready, keys, answers: [CURRENT] });
      expect(outcome.complained).toContain(words);
      expect(outcome.code).toBe(1);
      expect(outcome.secrets).toEqual(ready);
    }
  });

  it("changes nothing where the database does not answer", async () => {
    const keys = [await keyUnder(CURRENT)];
    const outcome = await run(REMOTE, { secrets: ready, keys, answers: [CURRENT], failing: /signing_keys/ });
    expect(outcome.code).toBe(1);
    expect(outcome.complained).toContain("It has no tables yet");
    expect([outcome.secrets, outcome.out]).toEqual([ready, undefined]);
  });

  it.each([
    ["Cloudflare refuses", `if (what === "bulk") { console.error("no, thank you"); process.exit(3); }`, false],
    [
      "wrangler fails after it",
      `if (what === "bulk") { bulk(); console.error("no, thank you"); process.exit(3); }`,
      true,
    ],
  ])(
    "keeps both secrets, and says how to find out, where %s and the change is not confirmed",
    async (_, script, made) => {
      const keys = [await keyUnder(CURRENT)];
      const outcome = await run(REMOTE, { secrets: ready, keys, answers: [CURRENT], script });
      expect(outcome.code).toBe(1);
      for (const words of ["no, thank you", "did not confirm the change", "wrangler secret list", "new-secret.txt"])
        expect(outcome.complained).toContain(words);
      expect(outcome.out).toMatch(FRESH);
      expect(outcome.secrets).toEqual(made ? { AUTH_SECRET: outcome.out, AUTH_SECRET_PREVIOUS: CURRENT } : ready);
      expectDiscretion(outcome);
    },
  );

  it("says that the secret is rotated where the audit log alone could not be told", async () => {
    const keys = [await keyUnder(CURRENT)];
    const outcome = await run(REMOTE, { secrets: ready, keys, answers: [CURRENT], failing: /^insert/i });
    expect(outcome.code).toBe(1);
    expect(outcome.complained).toContain("The secret has changed, but the audit log could not be written");
    expect(outcome.secrets.AUTH_SECRET).toBe(outcome.out);
  });
});

describe("npm run secret:rotate -- --remote --finish", () => {
  const FINISH = ["--remote", "--finish"];
  const rotating = { AUTH_SECRET: CURRENT, AUTH_SECRET_PREVIOUS: OLDER };

  it("takes the previous secret away once the current one opens every key, and says what died", async () => {
    const keys = [await keyUnder(CURRENT), await keyUnder(CURRENT)];
    const outcome = await run(FINISH, { secrets: rotating, keys, answers: [CURRENT] });
    expect(outcome.code).toBe(0);
    expect(outcome.secrets).toEqual({ AUTH_SECRET: CURRENT });
    expect(outcome.said).toContain("not refreshed since the rotation have ended");
    expect(outcome.events).toEqual([eventOf("auth_secret_retired")]);
    expectDiscretion(outcome);
  });

  it("asks for no secret where there is no key, and does nothing a second time", async () => {
    const once = await run(FINISH, { secrets: rotating, keys: [] });
    expect([once.code, once.secrets]).toEqual([0, { AUTH_SECRET: CURRENT }]);
    const twice = await run(FINISH, { secrets: once.secrets, keys: [] });
    expect([twice.code, twice.said]).toEqual([0, "AUTH_SECRET_PREVIOUS is not set. Nothing changed.\n"]);
  });

  it.each<[string, string[], string[], string, string]>([
    ["an older secret seals a key", [OLDER, CURRENT], [CURRENT], "", "not sealed the signing keys with it"],
    ["another secret is given", [CURRENT], [OLDER], "", "Either it is not the current one"],
    ["no secret is given", [CURRENT], [], "", "does not open"],
    ["Cloudflare refuses", [CURRENT], [CURRENT], `if (what === "bulk") process.exit(3);`, "did not confirm"],
    ["Cloudflare does not answer", [CURRENT], [CURRENT], `if (what === "list") process.exit(3);`, "Nothing changed"],
  ])("leaves it where it is where %s", async (_, sealers, answers, script, words) => {
    const keys = await Promise.all(sealers.map(keyUnder));
    const outcome = await run(FINISH, { secrets: rotating, keys, answers, script });
    expect(outcome.code).toBe(1);
    expect(outcome.complained).toContain(words);
    expect(outcome.secrets).toEqual(rotating);
    expectDiscretion(outcome);
  });
});

describe("npm run secret:rotate on this machine", () => {
  /** Runs the command on a `.dev.vars` of this text. */
  async function rotated(text: string | undefined, argv: string[], keys: SigningKeyRow[] = [], failing?: RegExp) {
    setKeys(keys);
    const work = makeTree(undefined, [], failing === undefined ? database : failingOn(failing));
    const file = join(work.root, ".dev.vars");
    if (text !== undefined) writeFileSync(file, text);
    const code = await rotateSecret(argv, work);
    const after = existsSync(file) ? readFileSync(file, "utf8") : undefined;
    const files = readdirSync(work.root).filter((name) => name.startsWith(".dev.vars"));
    return { code, said: work.said(), complained: work.complained(), events: readEvents(), after, file, files };
  }

  it.each([
    [`AUTH_SECRET=${OLDER}`, `AUTH_SECRET=*\nAUTH_SECRET_PREVIOUS=${OLDER}`],
    [`A=1\nAUTH_SECRET=${OLDER}\n\n# b\nB=2\n`, `A=1\nAUTH_SECRET=*\nAUTH_SECRET_PREVIOUS=${OLDER}\n\n# b\nB=2\n`],
    ["export AUTH_SECRET = 'x # y' # mine\n", "export AUTH_SECRET=*\nexport AUTH_SECRET_PREVIOUS = 'x # y' # mine\n"],
    ['AUTH_SECRET="a\nb"\n', 'AUTH_SECRET=*\nAUTH_SECRET_PREVIOUS="a\nb"\n'],
    ["AUTH_SECRET_PREVIOUS=\r\nAUTH_SECRET=x\r\nB=2\r\n", "AUTH_SECRET=*\nAUTH_SECRET_PREVIOUS=x\r\nB=2\r\n"],
    [
      "# AUTH_SECRET=no\nMY_AUTH_SECRET=1\nAUTH_SECRET=x",
      "# AUTH_SECRET=no\nMY_AUTH_SECRET=1\nAUTH_SECRET=*\nAUTH_SECRET_PREVIOUS=x",
    ],
  ])("makes of %j a file with a fresh secret and the old one, every other line as it was", async (text, meant) => {
    const { code, after = "", file, files, said, events } = await rotated(text, []);
    expect(code).toBe(0);
    const fresh = /AUTH_SECRET=([\w-]{64})\n/.exec(after)?.[1] ?? "";
    expect(after.replace(fresh, "*")).toBe(meant);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(files).toEqual([".dev.vars"]);
    expect(said).toContain("/cdn-cgi/handler/scheduled");
    expect(said).not.toContain(fresh);
    expect(events).toEqual([eventOf("auth_secret_rotated")]);
  });

  it("changes the file that a link leads to", async () => {
    const work = makeTree(undefined, [], database);
    writeFileSync(join(work.root, "elsewhere"), "AUTH_SECRET=x\n");
    symlinkSync("elsewhere", join(work.root, ".dev.vars"));
    expect(await rotateSecret([], work)).toBe(0);
    expect(readFileSync(join(work.root, "elsewhere"), "utf8")).toContain("AUTH_SECRET_PREVIOUS=x\n");
  });

  it("rotates over no previous secret", async () => {
    const text = "AUTH_SECRET_PREVIOUS=x\nAUTH_SECRET=y\n";
    const refused = await rotated(text, []);
    expect([refused.code, refused.after, refused.events]).toEqual([1, text, []]);
    expect(refused.complained).toContain("Finish that rotation first");
  });

  it.each<[string, string | undefined, string[], RegExp | undefined, string]>([
    ["there is no .dev.vars", undefined, [], undefined, "There is no AUTH_SECRET yet"],
    ["it has no secret", "A=1\n", [], undefined, "There is no AUTH_SECRET yet"],
    ["another value looks like one", 'A="\nAUTH_SECRET=z\n"\nAUTH_SECRET=x\n', [], undefined, "one line each"],
    [
      "the same at the finish",
      'A="\nAUTH_SECRET_PREVIOUS=z\n"\nAUTH_SECRET=x\nAUTH_SECRET_PREVIOUS=y\n',
      ["--finish"],
      undefined,
      "one line each",
    ],
    [
      "the database does not answer at the finish",
      "AUTH_SECRET=x\nAUTH_SECRET_PREVIOUS=y\n",
      ["--finish"],
      /signing_keys/,
      "Nothing is known",
    ],
  ])("changes nothing where %s", async (_, text, argv, failing, words) => {
    const outcome = await rotated(text, argv, [], failing);
    expect(outcome.code).toBe(1);
    expect(outcome.complained).toContain(words);
    expect(outcome.after).toBe(text);
  });

  it("changes nothing where there is no database", async () => {
    const work = makeTree();
    writeFileSync(join(work.root, ".dev.vars"), "AUTH_SECRET=x\n");
    expect(await rotateSecret([], work)).toBe(1);
    expect(work.complained()).toContain("Nothing is known to have changed");
    expect(readFileSync(join(work.root, ".dev.vars"), "utf8")).toBe("AUTH_SECRET=x\n");
  });

  it("finishes once the current secret opens what the previous one did, and leaves the rest of the file", async () => {
    const text = `A=1\nAUTH_SECRET=${CURRENT}\nAUTH_SECRET_PREVIOUS=${OLDER}\nB=2\n`;
    const waiting = await keyUnder(OLDER);
    const refused = await rotated(text, ["--finish"], [waiting, await keyUnder(CURRENT)]);
    expect([refused.code, refused.after]).toEqual([1, text]);
    expect(refused.complained).toContain(`AUTH_SECRET_PREVIOUS alone opens ${waiting.id}`);

    const lost = await keyUnder("a secret that has been lost, and that is long enough");
    const done = await rotated(text, ["--finish"], [lost, await keyUnder(CURRENT)]);
    expect([done.code, done.after]).toEqual([0, `A=1\nAUTH_SECRET=${CURRENT}\nB=2\n`]);
    expect(done.said).toContain("AUTH_SECRET_PREVIOUS is gone");
    expect(done.events).toEqual([eventOf("auth_secret_retired")]);
    const again = await rotated(done.after, ["--finish"]);
    expect([again.code, again.after]).toEqual([0, done.after]);
    expect(again.said).toContain("Nothing changed");
  });
});
