import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createAdmin, parseAdminFlags } from "../../src/commands/create-admin.ts";
import { createAsk } from "../../src/commands/prompt.ts";
import { nativeEngine, readScrypt } from "../../src/passwords/scrypt.ts";
import { type LocalDatabase, makeLocalDatabase, realSurroundings } from "./local-database.ts";
import { makeTree } from "./stand-in.ts";

/** Whether the password is the one of a hash of ours. */
function matches(password: string, hash: unknown): boolean {
  const reading = readScrypt(String(hash));
  const argon2 = () => new Uint8Array();
  return reading !== undefined && "verify" in reading && reading.verify(password, { scrypt: nativeEngine, argon2 });
}

const PASSWORD = "correct horse battery staple";

/** A range of Have I Been Pwned that holds this password and one line of padding. */
const rangeWith = (password: string) => {
  const digest = createHash("sha1").update(password).digest("hex").toUpperCase();
  return new Response(`${"0".repeat(35)}:0\r\n${digest.slice(5)}:7`);
};
const fakeBreaches = (answer: () => Response) => vi.spyOn(globalThis, "fetch").mockImplementation(async () => answer());

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the flags of npm run admin:create", () => {
  it.each([
    ["an unknown flag", ["--role", "admin"], "Unknown option '--role'"],
    ["a word", ["ada@example.com"], "Unexpected argument"],
    ["local state of a deployed database", ["--remote", "--persist-to", "x"], "does not go with --remote"],
    ["a username that nobody may have", ["--username", "a b"], "Use 3–32 letters"],
  ])("refuse %s with the usage and exit code 2", async (_, argv, fault) => {
    const work = makeTree("");
    expect(await createAdmin(argv, work)).toBe(2);
    expect(work.complained()).toContain(fault);
    expect(work.complained()).toContain("Usage: npm run admin:create");
    expect(work.calls()).toEqual([]);
  });

  it("go to the deployed database with --remote", async () => {
    fakeBreaches(() => rangeWith("another password"));
    const work = makeTree(`console.log(JSON.stringify([{ results: [] }, { results: [] }])); process.exit(call - 1)`);
    expect(await createAdmin(["--remote", "--email", "ada@example.com", "--password", PASSWORD], work)).toBe(1);
    for (const call of work.calls()) expect(call.slice(0, 4)).toEqual(["d1", "execute", "DB", "--remote"]);
    const commandLines = JSON.stringify(work.calls());
    expect(commandLines, "no password in a command line, which others can see").not.toContain(PASSWORD);
    expect(commandLines).not.toContain("$scrypt$");
  });

  it("are explained on --help", async () => {
    const work = makeTree("");
    expect(await createAdmin(["--help"], work)).toBe(0);
    expect(work.said()).toContain("Usage: npm run admin:create");
    expect(parseAdminFlags(["-h"])).toMatchObject({ help: true });
  });
});

describe("npm run admin:create", () => {
  it.each([
    ["the address", [], [], "--email is missing"],
    ["a real address", ["--email", "nonsense"], [], "--email: Enter a valid email address"],
    ["the password", ["--email", "ada@example.com"], [], "--password is missing"],
    ["a long password", ["--email", "ada@example.com", "--password", "short"], [], "at least 15 characters"],
    ["a short password", ["--email", "ada@example.com", "--password", "x".repeat(257)], [], "256 characters or fewer"],
    ["a rare password", ["--email", "ada@example.com"], ["PasswordPassword"], "too common"],
    ["a password without the address", ["--email", "adas@example.com"], ["this is adas password"], "email address"],
    [
      "a password without the username",
      ["--email", "a@example.com", "--username", "countess"],
      ["the countess of London"],
      "your username",
    ],
    [
      "a password without the username that is made",
      ["--email=-@example.com"],
      ["the admin of all this"],
      "your username",
    ],
    ["a password without the product's name", ["--email", "a@example.com"], ["postern for ever"], "the name Postern"],
  ])("changes nothing without %s", async (_, argv, answers, fault) => {
    const work = makeTree(`console.log(JSON.stringify([{ results: [] }, { results: [] }]))`, answers);
    expect(await createAdmin(argv, work)).toBe(1);
    expect(work.complained()).toContain(fault);
    expect(work.complained()).toContain("Nothing changed.");
    expect(JSON.stringify(work.calls())).not.toMatch(/INSERT|UPDATE/);
  });

  it("asks for the deployed database alone whether the password has leaked, and goes on where nobody can say", async () => {
    const script = `console.log(JSON.stringify([{ results: [] }, { results: [] }])); process.exit(call - 1)`;
    const argv = ["--email", "ada@example.com", "--password", PASSWORD];
    const asked = fakeBreaches(() => rangeWith(PASSWORD));
    await createAdmin(argv, makeTree(script));
    expect(asked).not.toHaveBeenCalled();

    const leaked = makeTree(script);
    expect(await createAdmin([...argv, "--remote"], leaked)).toBe(1);
    expect(asked).toHaveBeenCalledOnce();
    expect(leaked.complained()).toContain("--password: This password has appeared in a data breach");
    expect(leaked.complained()).toContain("Nothing changed.");
    expect(JSON.stringify(leaked.calls())).not.toContain("--file");

    fakeBreaches(() => new Response(null, { status: 503 }));
    const unknown = makeTree(script);
    await createAdmin([...argv, "--remote"], unknown);
    expect(unknown.said()).toContain("haveibeenpwned.com does not answer (status_503)");
    expect(JSON.stringify(unknown.calls())).toContain("--file");
  });

  it("says that somebody else was faster, and that the packages or the tables are missing", async () => {
    const argv = ["--email", "ada@example.com", "--password", PASSWORD];
    fakeBreaches(() => rangeWith("another password"));
    const late = makeTree(
      `console.log(JSON.stringify(call === 1 ? [{ results: [] }, { results: [] }] : [{ results: [] }]))`,
    );
    expect(await createAdmin(argv, late)).toBe(1);
    expect(late.complained()).toContain("run the command again");
    const bare = makeTree();
    expect(await createAdmin(argv, bare)).toBe(1);
    expect(bare.complained()).toContain("npm ci");
    const empty = makeTree(`console.log("no such table: users"); process.exit(1)`);
    expect(await createAdmin([...argv, "--remote"], empty)).toBe(1);
    expect(empty.complained()).toContain("d1 migrations apply DB --remote");
  });
});

describe("npm run admin:create on a database", () => {
  let database: LocalDatabase;

  beforeAll(async () => {
    database = await makeLocalDatabase();
  });
  afterAll(() => database.remove());

  const run = async (argv: string[], answers: string[] = []) => {
    const world = realSurroundings(answers);
    const code = await createAdmin([database.flag, ...argv], world);
    return { code, said: world.said(), complained: world.complained(), asked: world.asked };
  };
  const userOf = (email: string) => database.rows(`SELECT * FROM users WHERE email = '${email}'`)[0];

  it("makes a superuser who can log in, once, asking for what is missing", async () => {
    const first = await run([], ["Root@Example.com", PASSWORD]);
    expect(first).toMatchObject({ code: 0, asked: ["Email: ", "Password: secret"] });
    expect(first.said).toContain("root@example.com is a superuser now, under the username root.");
    const made = userOf("root@example.com");
    expect(made).toMatchObject({ role: "admin", is_superuser: 1, is_verified: 1, is_active: 1, username: "root" });
    expect(matches(PASSWORD, made?.password_hash)).toBe(true);

    const again = await run(["--email", "root@example.com", "--password", "another password than before"]);
    expect(again).toMatchObject({ code: 0, asked: [] });
    expect(again.said).toContain("is a superuser already");
    expect(userOf("root@example.com")).toEqual(made);
    const events = database.rows(`SELECT type, actor_id FROM audit_events WHERE user_id = '${made?.id}'`);
    expect(events).toEqual([{ type: "superuser_granted", actor_id: null }]);
  });

  it("calls the next of that name otherwise, but not against a wish", async () => {
    await run(["--email", "root@example.org", "--password", PASSWORD]);
    expect(userOf("root@example.org")?.username).toMatch(/^root-[0-9a-f]{6}$/);
    const refused = await run(["--email", "root@example.net", "--username", "ROOT", "--password", PASSWORD]);
    expect(refused.code).toBe(1);
    expect(refused.complained).toContain("The username ROOT is taken");
    await run(["--email", "o'neil@example.org", "--password", PASSWORD]);
    expect(userOf("o''neil@example.org")?.username).toBe("o-neil");
    await run(["--email=-@example.org", "--password", PASSWORD]);
    expect(userOf("-@example.org")?.username).toBe("admin");
  });

  it("sets the flag of an account that is there, which keeps its password, and leaves a suspended one alone", async () => {
    const columns = "id, email, username, password_hash, is_verified, is_active, created_at, updated_at";
    database.change(
      `INSERT INTO users (${columns}) VALUES ('u1', 'ada@example.com', 'ada', 'hash', 1, 1, 1, 1), ('u2', 'bob@example.com', 'bob', 'hash', 1, 0, 1, 1)`,
    );
    const promoted = await run(["--email", "ada@example.com"]);
    expect(promoted).toMatchObject({ code: 0, asked: [] });
    expect(promoted.said).toContain("keeps its own password");
    expect(userOf("ada@example.com")).toMatchObject({ is_superuser: 1, role: "admin", password_hash: "hash" });
    const suspended = await run(["--email", "bob@example.com"]);
    expect(suspended.code).toBe(1);
    expect(suspended.complained).toContain("suspended");
    expect(userOf("bob@example.com")).toMatchObject({ is_superuser: 0 });
  });

  it("takes an account that nobody proved from whoever opened it", async () => {
    const values = "'u3', 'eve@example.com', 'eve', 'the hash of a stranger', 1";
    database.change(
      `INSERT INTO users (id, email, username, password_hash, created_at, updated_at) VALUES (${values}, 1); INSERT INTO registrations (id, email, username, password_hash, created_at) VALUES (${values})`,
    );
    expect((await run(["--email", "eve@example.com", "--password", PASSWORD])).code).toBe(0);
    const taken = userOf("eve@example.com");
    expect(taken).toMatchObject({ id: "u3", is_verified: 1, is_superuser: 1, session_epoch: 1 });
    expect(matches(PASSWORD, taken?.password_hash)).toBe(true);
    expect(database.rows("SELECT * FROM registrations")).toEqual([]);
  });

  it("makes one account of two runs at once", async () => {
    const runs = await Promise.all([1, 2].map(() => run(["--email", "twin@example.com", "--password", PASSWORD])));
    expect(runs.some(({ code }) => code === 0)).toBe(true);
    const users = database.rows("SELECT id FROM users WHERE email = 'twin@example.com'");
    expect(users).toHaveLength(1);
    const events = database.rows(`SELECT id FROM audit_events WHERE user_id = '${users[0]?.id}'`);
    expect(events).toHaveLength(1);
  });
});

describe("a question", () => {
  const written = (output: PassThrough) => String(output.read() ?? "");

  it("reads line by line what is piped in, and nothing where that has ended", async () => {
    const input = new PassThrough();
    const ask = createAsk(input, new PassThrough(), new AbortController().signal);
    input.write("one\r\ntwo\n");
    expect(await ask("First? ")).toBe("one");
    expect(await ask("Second? ", "secret")).toBe("two");
    expect(input.isPaused(), "a pipe that stays open keeps nobody waiting").toBe(true);
    input.end();
    expect(await ask("Third? ")).toBeUndefined();
  });

  it("is shown at a terminal, with the answer", async () => {
    const [input, output] = [Object.assign(new PassThrough(), { isTTY: true }), new PassThrough()];
    const answer = createAsk(input, output, new AbortController().signal)("Email: ");
    input.write("ada@example.com\r");
    expect(await answer).toBe("ada@example.com");
    // What stands there once the line was drawn anew for the last time.
    const drawn = written(output).split("\u001b[0J").at(-1);
    expect(drawn).toMatch(/^Email: /);
  });

  it("that is secret shows no answer, and wants the same one twice", async () => {
    const [input, output] = [Object.assign(new PassThrough(), { isTTY: true }), new PassThrough()];
    const answer = createAsk(input, output, new AbortController().signal)("Password: ", "secret");
    for (const typed of ["a fine secret", "a fine secert", "a fine secret", "a fine secret"]) {
      input.write(`${typed}\r`);
      await new Promise((done) => setTimeout(done, 50));
    }
    expect(await answer).toBe("a fine secret");
    const shown = written(output);
    expect(shown).toContain("two different ones");
    expect(shown).not.toContain("fine");
  });

  it("for a secret that is known shows no answer, and wants it once", async () => {
    const [input, output] = [Object.assign(new PassThrough(), { isTTY: true }), new PassThrough()];
    const answer = createAsk(input, output, new AbortController().signal)("Secret: ", "known-secret");
    input.write("a fine secret\r");
    expect(await answer).toBe("a fine secret");
    expect(written(output)).toBe("Secret: \n");
  });

  it.each([
    ["Ctrl-C", "\u0003"],
    ["Ctrl-D", "\u0004"],
  ])("is given up with %s", async (_, key) => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const answer = createAsk(input, new PassThrough(), new AbortController().signal)("Email: ");
    input.write(key);
    expect(await answer).toBeUndefined();
  });

  it("is not asked of somebody who wants the command to end", async () => {
    const stop = new AbortController();
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const ask = createAsk(input, new PassThrough(), stop.signal);
    const answer = ask("Email: ");
    stop.abort();
    expect(await answer).toBeUndefined();
    expect(await ask("Email: ")).toBeUndefined();
  });
});
