import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rotateSecret } from "../../src/commands/rotate-secret.ts";
import { parseSecretFlags } from "../../src/commands/secret-flags.ts";
import { createKeyRow } from "../../src/keys/sealed-key.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { type LocalDatabase, makeLocalDatabase, realSurroundings } from "./local-database.ts";
import { makeTree } from "./stand-in.ts";

const PRESENT = "W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHrVd8TgAfC2iPjXy6B";
const OLDER = "p0Lk2Jh4Gf6Ds8Az1Xc3Vb5Nm7Qw9Er0Ty2Ui4Op6Kj8Hg1F";
const FRESH = /^[\w-]{64}$/;

/** A row of the database, as wrangler prints it: a signing key that is sealed under this secret. */
async function keyUnder(secret: string): Promise<{ id: string; sealed_private_jwk: string }> {
  const { id, sealedPrivateJwk } = await createKeyRow({
    sequence: 1,
    algorithm: "ES256",
    signsFrom: 0,
    signingPeriod: 1,
    secrets: createSecrets(secret),
    now: 0,
    random: systemRandom,
  });
  return { id, sealed_private_jwk: sealedPrivateJwk };
}

interface Deployed {
  /** What is set before the command runs. */
  secrets: Record<string, string>;
  keys: { id: string; sealed_private_jwk: string }[];
  /** What is typed when asked. */
  answers?: string[];
  /** Lines of the stand-in that come before its own. */
  script?: string;
}

/** Runs the command against a stand-in for wrangler that keeps secrets in a file. */
async function run(argv: string[], { secrets, keys, answers, script = "" }: Deployed) {
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
     if (group === "d1") console.log(JSON.stringify([{ results: args.at(-1).startsWith("SELECT") ? ${JSON.stringify(keys)} : [] }]));
     else if (what === "list") console.log(JSON.stringify(Object.keys(read()).map((name) => ({ name, type: "secret_text" }))));
     else if (what === "bulk") bulk();
     else process.exit(9);`,
    answers,
  );
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
    secrets: JSON.parse(readFileSync(store, "utf8")) as Record<string, string>,
    out: existsSync(out) ? readFileSync(out, "utf8").trimEnd() : undefined,
    mode: existsSync(out) ? statSync(out).mode & 0o777 : undefined,
  };
}

type Outcome = Awaited<ReturnType<typeof run>>;

const REMOTE = ["--remote", "--out=OUT"];

/** Whatever happens, a secret is on no command line, and in nothing that is shown. */
function expectDiscretion({ calls, said, complained, secrets, out }: Outcome, ...others: string[]): void {
  for (const secret of [PRESENT, OLDER, out, ...others, ...Object.values(secrets)]) {
    if (secret !== undefined) expect(JSON.stringify([calls, said, complained])).not.toContain(secret);
  }
}

describe("the flags of npm run secret:rotate", () => {
  it("ask for a rotation on this machine where nothing is given", () => {
    expect(parseSecretFlags([])).toEqual({
      help: false,
      finish: false,
      out: "",
      replacePrevious: false,
      unproved: false,
      remote: false,
      persistTo: undefined,
    });
  });

  it.each([
    ["an unknown flag", ["--nope"], "Unknown option '--nope'"],
    ["a secret on the command line", ["--secret", PRESENT], "Unknown option '--secret'"],
    ["--remote without a file for the new secret", ["--remote"], "--out <file> is missing"],
    ["a file for a local secret", ["--out", "x"], "go with --remote"],
    ["trust in a local secret", ["--unproved"], "go with --remote"],
    ["a file where none is made", ["--remote", "--finish", "--out", "x"], "do not go with it"],
    ["--replace-previous at the finish", ["--finish", "--replace-previous"], "do not go with it"],
    ["local state of a deployed service", [...REMOTE, "--persist-to", "x"], "does not go with --remote"],
  ])("refuse %s with the usage and exit code 2", async (_, argv, fault) => {
    const { code, complained, calls } = await run(argv, { secrets: {}, keys: [] });
    expect(code).toBe(2);
    expect(complained).toContain(fault);
    expect(complained).toContain("Usage: npm run secret:rotate");
    expect(calls).toEqual([]);
  });

  it("explain the command, which says that the packages are missing", async () => {
    const work = makeTree();
    expect(await rotateSecret(["--help"], work)).toBe(0);
    expect(work.said()).toContain("Usage: npm run secret:rotate");
    expect(await rotateSecret([], work)).toBe(1);
    expect(work.complained()).toContain("npm ci");
  });
});

describe("npm run secret:rotate -- --remote", () => {
  it("sets both secrets at once, and leaves the new one in a file of its own", async () => {
    const secrets = { AUTH_SECRET: PRESENT, RESEND_API_KEY: "re_1" };
    const outcome = await run(REMOTE, { secrets, keys: [await keyUnder(PRESENT)], answers: [PRESENT] });
    expect(outcome.complained).toBe("");
    expect(outcome.code).toBe(0);
    expect(outcome.out).toMatch(FRESH);
    expect(outcome.mode).toBe(0o600);
    expect(outcome.secrets).toEqual({ ...secrets, AUTH_SECRET: outcome.out, AUTH_SECRET_PREVIOUS: PRESENT });
    expect(outcome.calls.filter(([, what]) => what === "bulk")).toEqual([["secret", "bulk"]]);
    expect(outcome.calls.at(-1)?.at(-1)).toMatch(/^INSERT INTO audit_events .*'auth_secret_rotated'/);
    expect(outcome.calls.at(-1)).toContain("--remote");
    expect(outcome.said).toContain("password manager");
    expect(outcome.said).toContain("within 15 minutes");
    expectDiscretion(outcome);
  });

  it("takes the present secret on trust where there is no key, if told so", async () => {
    const nothing = { secrets: { AUTH_SECRET: PRESENT }, keys: [] };
    const refused = await run(REMOTE, { ...nothing, answers: [PRESENT] });
    expect(refused.complained).toContain("log in once, or say --unproved. Nothing changed.");
    expect(refused.code).toBe(1);
    const outcome = await run([...REMOTE, "--unproved"], { ...nothing, answers: [PRESENT] });
    expect(outcome.secrets.AUTH_SECRET_PREVIOUS).toBe(PRESENT);
  });

  it("rotates over a previous secret if told so", async () => {
    const both = { AUTH_SECRET: PRESENT, AUTH_SECRET_PREVIOUS: OLDER };
    const outcome = await run([...REMOTE, "--replace-previous"], {
      secrets: both,
      keys: [await keyUnder(PRESENT)],
      answers: [PRESENT],
    });
    expect(outcome.code).toBe(0);
    expect(outcome.secrets).toEqual({ AUTH_SECRET: outcome.out, AUTH_SECRET_PREVIOUS: PRESENT });
  });

  const weak = "a-secret-for-tests-that-is-long-enough-to-pass";
  const ready = { AUTH_SECRET: PRESENT };
  const noList = `if (what === "list") { console.error("not logged in"); process.exit(7); }`;
  const oddList = `if (what === "list") { console.log("{}"); process.exit(0); }`;
  const noTables = `if (group === "d1") { console.log("no such table: signing_keys"); process.exit(5); }`;
  it.each<[string, Record<string, string>, string[], string[], string, number, string]>([
    ["a previous secret is still set", { ...ready, AUTH_SECRET_PREVIOUS: OLDER }, [PRESENT], [PRESENT], "", 1, "--fin"],
    ["no secret is deployed", {}, [PRESENT], [PRESENT], "", 1, "wrangler secret put AUTH_SECRET"],
    ["another secret is given", ready, [PRESENT], [OLDER], "", 1, "is not the present secret"],
    ["an older secret is given", ready, [OLDER, PRESENT], [OLDER], "", 1, "is not the present secret"],
    ["no secret is given", ready, [PRESENT], [], "", 1, "no secret to go on accepting"],
    ["the present one is weak", { AUTH_SECRET: weak }, [weak], [weak], "", 1, "would not start with it"],
    ["the present one is short", { AUTH_SECRET: "tiny!" }, ["tiny!"], ["tiny!"], "", 1, "is too short"],
    ["Cloudflare does not answer", ready, [PRESENT], [PRESENT], noList, 7, "not logged in"],
    ["wrangler says something else", ready, [PRESENT], [PRESENT], oddList, 1, "Cloudflare did not do it"],
    ["the database does not answer", ready, [PRESENT], [PRESENT], noTables, 5, "It has no tables yet"],
  ])("changes nothing where %s", async (_, secrets, sealers, answers, script, code, words) => {
    const keys = await Promise.all(sealers.map(keyUnder));
    const outcome = await run(REMOTE, { secrets, keys, answers, script });
    expect(outcome.code).toBe(code);
    expect(outcome.complained).toContain(words);
    expect(outcome.complained).toMatch(/[Nn]othing (is known to have )?changed/);
    expect(outcome.secrets).toEqual(secrets);
    expect(outcome.out).toBeUndefined();
    expectDiscretion(outcome, weak);
  });

  it("changes nothing where the new secret can't be written, or would be written over something", async () => {
    const keys = [await keyUnder(PRESENT)];
    for (const [out, words] of [
      ["OUT/in/no/folder", "can't be written"],
      ["/dev/null", "EEXIST"],
    ]) {
      const outcome = await run(["--remote", `--out=${out}`], { secrets: ready, keys, answers: [PRESENT] });
      expect(outcome.complained).toContain(words);
      expect(outcome.code).toBe(1);
      expect(outcome.secrets).toEqual(ready);
    }
  });

  it("takes the file away again where Cloudflare refuses the change", async () => {
    const script = `if (what === "bulk") { console.error("no, thank you"); process.exit(3); }`;
    const keys = [await keyUnder(PRESENT)];
    const outcome = await run(REMOTE, { secrets: ready, keys, answers: [PRESENT], script });
    expect(outcome.code).toBe(3);
    expect(outcome.complained).toContain("no, thank you");
    expect(outcome.complained).toContain("Nothing changed");
    expect(outcome.secrets).toEqual(ready);
    expect(outcome.out).toBeUndefined();
    expectDiscretion(outcome);
  });

  it("finds out that the change was made where wrangler failed after it", async () => {
    const script = `if (what === "bulk") { bulk(); process.exit(3); }`;
    const keys = [await keyUnder(PRESENT)];
    const outcome = await run(REMOTE, { secrets: ready, keys, answers: [PRESENT], script });
    expect(outcome.code).toBe(0);
    expect(outcome.secrets).toEqual({ AUTH_SECRET: outcome.out, AUTH_SECRET_PREVIOUS: PRESENT });
    expect(outcome.said).toContain("The Worker has a fresh AUTH_SECRET");
  });

  it.each<[string, Record<string, string>, string]>([
    ["Cloudflare falls silent", {}, `if (what === "bulk" || (what === "list" && call > 2)) process.exit(3);`],
    ["a previous secret was set before", { AUTH_SECRET_PREVIOUS: OLDER }, `if (what === "bulk") process.exit(3);`],
  ])(
    "keeps the file, and says what to look at, where %s and nobody knows whether it was made",
    async (_, set, script) => {
      const outcome = await run([...REMOTE, "--replace-previous"], {
        secrets: { ...ready, ...set },
        keys: [await keyUnder(PRESENT)],
        answers: [PRESENT],
        script,
      });
      expect(outcome.code).toBe(1);
      expect(outcome.complained).toContain("It is not known whether Cloudflare made the change");
      expect(outcome.out).toMatch(FRESH);
      expectDiscretion(outcome);
    },
  );

  it("says that the secret is rotated where the audit log alone could not be told", async () => {
    const script = `if (group === "d1" && args.at(-1).startsWith("INSERT")) process.exit(4);`;
    const keys = [await keyUnder(PRESENT)];
    const outcome = await run(REMOTE, { secrets: ready, keys, answers: [PRESENT], script });
    expect(outcome.code).toBe(4);
    expect(outcome.complained).toContain("has changed all the same. The audit log alone does not say so");
    expect(outcome.secrets.AUTH_SECRET).toBe(outcome.out);
  });
});

describe("npm run secret:rotate -- --remote --finish", () => {
  const FINISH = ["--remote", "--finish"];
  const rotating = { AUTH_SECRET: PRESENT, AUTH_SECRET_PREVIOUS: OLDER };

  it("takes the previous secret away once the present one opens every key, and says what died", async () => {
    const keys = [await keyUnder(PRESENT), await keyUnder(PRESENT)];
    const outcome = await run(FINISH, { secrets: rotating, keys, answers: [PRESENT] });
    expect(outcome.code).toBe(0);
    expect(outcome.secrets).toEqual({ AUTH_SECRET: PRESENT });
    expect(outcome.said).toContain("not refreshed since the rotation have ended");
    expect(outcome.calls.at(-1)?.at(-1)).toContain("'auth_secret_retired'");
    expectDiscretion(outcome);
  });

  it("asks for no secret where there is no key, and does nothing a second time", async () => {
    const once = await run(FINISH, { secrets: rotating, keys: [] });
    expect([once.code, once.secrets]).toEqual([0, { AUTH_SECRET: PRESENT }]);
    const twice = await run(FINISH, { secrets: once.secrets, keys: [] });
    expect([twice.code, twice.said]).toEqual([0, "The Worker has no AUTH_SECRET_PREVIOUS. Nothing changed.\n"]);
  });

  it.each<[string, string[], string[], string, number, string]>([
    ["a key is still sealed under the old one", [OLDER, PRESENT], [PRESENT], "", 1, "not sealed the signing keys anew"],
    ["another secret is given", [PRESENT], [OLDER], "", 1, "Either it is not the present one"],
    ["no secret is given", [PRESENT], [], "", 1, "does not open"],
    ["Cloudflare refuses", [PRESENT], [PRESENT], `if (what === "bulk") process.exit(3);`, 3, "Nothing changed"],
    ["Cloudflare does not answer", [PRESENT], [PRESENT], `if (what === "list") process.exit(3);`, 3, "Nothing changed"],
    ["the database does not answer", [PRESENT], [PRESENT], `if (group === "d1") process.exit(3);`, 3, "did not answer"],
    ["nobody knows", [PRESENT], [PRESENT], `if (what === "bulk" || call > 2) process.exit(3);`, 1, "run this again"],
  ])("leaves it where it is where %s", async (_, sealers, answers, script, code, words) => {
    const keys = await Promise.all(sealers.map(keyUnder));
    const outcome = await run(FINISH, { secrets: rotating, keys, answers, script });
    expect(outcome.code).toBe(code);
    expect(outcome.complained).toContain(words);
    expect(outcome.secrets).toEqual(rotating);
    expectDiscretion(outcome);
  });
});

describe("npm run secret:rotate on this machine", () => {
  /** Runs the command on a `.dev.vars` of this text. */
  async function rotated(text: string | undefined, argv: string[], keys: Deployed["keys"] = [], script = "") {
    const work = makeTree(`${script}console.log(JSON.stringify([{ results: ${JSON.stringify(keys)} }]))`);
    const file = join(work.root, ".dev.vars");
    if (text !== undefined) writeFileSync(file, text);
    const code = await rotateSecret(argv, work);
    const after = existsSync(file) ? readFileSync(file, "utf8") : undefined;
    const files = readdirSync(work.root).filter((name) => name.startsWith(".dev.vars"));
    return { code, said: work.said(), complained: work.complained(), calls: work.calls(), after, file, files };
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
    const { code, after = "", file, files, said } = await rotated(text, []);
    expect(code).toBe(0);
    const fresh = /AUTH_SECRET=([\w-]{64})\n/.exec(after)?.[1] ?? "";
    expect(after.replace(fresh, "*")).toBe(meant);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(files).toEqual([".dev.vars"]);
    expect(said).toContain("/cdn-cgi/handler/scheduled");
    expect(said).not.toContain(fresh);
  });

  it("changes the file that a link leads to", async () => {
    const work = makeTree(`console.log(JSON.stringify([{ results: [] }]))`);
    writeFileSync(join(work.root, "elsewhere"), "AUTH_SECRET=x\n");
    symlinkSync("elsewhere", join(work.root, ".dev.vars"));
    expect(await rotateSecret([], work)).toBe(0);
    expect(readFileSync(join(work.root, "elsewhere"), "utf8")).toContain("AUTH_SECRET_PREVIOUS=x\n");
  });

  it("rotates over a previous secret if told so, and only then", async () => {
    const text = "AUTH_SECRET_PREVIOUS=x\nAUTH_SECRET=y\n";
    const refused = await rotated(text, []);
    expect([refused.code, refused.after, refused.calls]).toEqual([1, text, []]);
    expect(refused.complained).toContain("Finish that rotation first");
    const { after } = await rotated(text, ["--replace-previous"]);
    expect(after).toMatch(/^AUTH_SECRET=[\w-]{64}\nAUTH_SECRET_PREVIOUS=y\n$/);
  });

  it.each<[string, string | undefined, string[], string, number, string]>([
    ["there is no .dev.vars", undefined, [], "", 1, "There is no AUTH_SECRET in .dev.vars"],
    ["it has no secret", "A=1\n", [], "", 1, "There is no AUTH_SECRET in .dev.vars"],
    ["another value looks like one", 'A="\nAUTH_SECRET=z\n"\nAUTH_SECRET=x\n', [], "", 1, "one line each"],
    [
      "the same at the finish",
      'A="\nAUTH_SECRET_PREVIOUS=z\n"\nAUTH_SECRET=x\nAUTH_SECRET_PREVIOUS=y\n',
      ["--finish"],
      "",
      1,
      "one line each",
    ],
    ["the database does not answer", "AUTH_SECRET=x\n", [], `process.exit(5);`, 5, "nothing is known to have changed"],
    [
      "the same at the finish",
      "AUTH_SECRET=x\nAUTH_SECRET_PREVIOUS=y\n",
      ["--finish"],
      `process.exit(5);`,
      5,
      "nothing is known",
    ],
  ])("changes nothing where %s", async (_, text, argv, script, code, words) => {
    const outcome = await rotated(text, argv, [], script);
    expect(outcome.code).toBe(code);
    expect(outcome.complained).toContain(words);
    expect(outcome.after).toBe(text);
  });

  it("finishes once the present secret opens what the previous one did, and leaves the rest of the file", async () => {
    const text = `A=1\nAUTH_SECRET=${PRESENT}\nAUTH_SECRET_PREVIOUS=${OLDER}\nB=2\n`;
    const waiting = await keyUnder(OLDER);
    const refused = await rotated(text, ["--finish"], [waiting, await keyUnder(PRESENT)]);
    expect([refused.code, refused.after]).toEqual([1, text]);
    expect(refused.complained).toContain(`AUTH_SECRET_PREVIOUS alone opens ${waiting.id}`);

    const lost = await keyUnder("a secret that nobody has any more, and no one misses");
    const done = await rotated(text, ["--finish"], [lost, await keyUnder(PRESENT)]);
    expect([done.code, done.after]).toEqual([0, `A=1\nAUTH_SECRET=${PRESENT}\nB=2\n`]);
    expect(done.said).toContain("AUTH_SECRET_PREVIOUS is gone");
    const again = await rotated(done.after, ["--finish"]);
    expect([again.code, again.after]).toEqual([0, done.after]);
    expect(again.said).toContain("Nothing changed");
  });
});

describe("npm run secret:rotate with a database", () => {
  let database: LocalDatabase;
  beforeAll(async () => {
    database = await makeLocalDatabase();
  });
  afterAll(() => database.remove());

  it("notes in the audit log what was done, by nobody and to nobody", async () => {
    const work = makeTree();
    // The real wrangler and database, and a file of this test's own.
    symlinkSync(join(import.meta.dirname, "../../node_modules"), join(work.root, "node_modules"));
    for (const file of ["wrangler.toml", "migrations", "src"])
      symlinkSync(join(import.meta.dirname, "../..", file), join(work.root, file));
    writeFileSync(join(work.root, ".dev.vars"), `AUTH_SECRET=${PRESENT}\n`);
    const { said, complained, ...world } = realSurroundings();
    for (const flags of [[], ["--finish"]])
      expect(await rotateSecret([...flags, database.flag], { ...world, root: work.root }), complained()).toBe(0);
    expect(database.rows("SELECT type, actor_id, user_id, details FROM audit_events ORDER BY id")).toEqual([
      { type: "auth_secret_rotated", actor_id: null, user_id: null, details: null },
      { type: "auth_secret_retired", actor_id: null, user_id: null, details: null },
    ]);
    expect(readFileSync(join(work.root, ".dev.vars"), "utf8")).toMatch(/^AUTH_SECRET=[\w-]{64}\n$/);
    expect(said()).not.toContain(PRESENT);
  });
});
