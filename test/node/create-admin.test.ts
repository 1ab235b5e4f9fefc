import { createHash } from "node:crypto";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createAdmin } from "../../src/commands/create-admin.ts";
import { createAsk } from "../../src/commands/prompt.ts";
import { nativeEngine, readScrypt } from "../../src/passwords/scrypt.ts";
import { makeLocalDatabase } from "./local-database.ts";
import { AS_SCRIPT, runProgram } from "./run-program.ts";
import { makeTree } from "./stand-in.ts";

/** Whether the password matches a hash that Postern has made. */
function matches(password: string, hash: unknown): boolean {
  const reading = readScrypt(String(hash));
  const argon2 = () => new Uint8Array();
  return reading !== undefined && "verify" in reading && reading.verify(password, { scrypt: nativeEngine, argon2 });
}

const PASSWORD = "correct horse battery staple";

/** An answer of Have I Been Pwned with this password's hash and one line of padding. */
const rangeWith = (password: string) => {
  const digest = createHash("sha1").update(password).digest("hex").toUpperCase();
  return new Response(`${"0".repeat(35)}:0\r\n${digest.slice(5)}:7`);
};
const fakeBreaches = (answer: () => Response) => vi.spyOn(globalThis, "fetch").mockImplementation(async () => answer());

const database = await makeLocalDatabase();
afterEach(() => {
  vi.restoreAllMocks();
});

async function run(argv: string[], answers: string[] = []) {
  const work = makeTree(undefined, answers, database);
  const code = await createAdmin(argv, work);
  return { code, said: work.said(), complained: work.complained(), asked: work.asked, places: work.places };
}
const userOf = (email: string) => database.rows(`SELECT * FROM users WHERE email = '${email}'`)[0];

it("npm run admin:create waits while the running service writes to the same database", async () => {
  setTimeout(database.lock(), 300);
  const argv = ["--email", "patient@example.com", "--password", PASSWORD];
  expect(await run(argv)).toMatchObject({ code: 0, complained: "" });
});

describe("the flags of npm run admin:create", () => {
  it.each([
    ["an unknown flag", ["--role", "admin"], "Unknown option '--role'"],
    ["a word", ["ada@example.com"], "Unexpected argument"],
    ["local state of a deployed database", ["--remote", "--persist-to", "x"], "does not go with --remote"],
    ["an invalid username", ["--username", "a b"], "Use 3–32 letters"],
  ])("refuse %s with the usage and exit code 2", async (_, argv, fault) => {
    const { code, complained, places } = await run(argv);
    expect(code).toBe(2);
    expect(complained).toContain(fault);
    expect(complained).toContain("Usage: npm run admin:create");
    expect(places).toEqual([]);
  });

  it("go to the deployed database with --remote", async () => {
    fakeBreaches(() => rangeWith("another password"));
    const { code, places } = await run(["--remote", "--email", "far@example.com", "--password", PASSWORD]);
    expect(code).toBe(0);
    expect(places).toEqual([expect.objectContaining({ remote: true })]);
  });

  it("are explained on --help", async () => {
    const { code, said, places } = await run(["--help"]);
    expect([code, places]).toEqual([0, []]);
    expect(said).toContain("Usage: npm run admin:create");
    expect(await run(["-h"])).toMatchObject({ code: 0, said });
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
    const before = database.rows("SELECT * FROM users, audit_events");
    const { code, complained } = await run(argv, answers);
    expect(code).toBe(1);
    expect(complained).toContain(fault);
    expect(complained).toContain("Nothing changed.");
    expect(database.rows("SELECT * FROM users, audit_events")).toEqual(before);
  });

  it("checks for a leaked password for the deployed database only, and goes on if the check is unavailable", async () => {
    const argv = (email: string) => ["--email", email, "--password", PASSWORD];
    const asked = fakeBreaches(() => rangeWith(PASSWORD));
    expect(await run(argv("near@example.com"))).toMatchObject({ code: 0 });
    expect(asked).not.toHaveBeenCalled();

    const leaked = await run([...argv("leaked@example.com"), "--remote"]);
    expect(leaked.code).toBe(1);
    expect(asked).toHaveBeenCalledOnce();
    expect(leaked.complained).toContain("--password: This password has appeared in a data breach");
    expect(leaked.complained).toContain("Nothing changed.");
    expect(userOf("leaked@example.com")).toBeUndefined();

    fakeBreaches(() => new Response(null, { status: 503 }));
    const unknown = await run([...argv("unknown@example.com"), "--remote"]);
    expect(unknown.said).toContain("haveibeenpwned.com does not answer (status_503)");
    expect(userOf("unknown@example.com")).toMatchObject({ is_superuser: 1 });
  });

  it("says where the tables come from if there are none", async () => {
    const empty = makeTree(undefined, []);
    expect(await createAdmin(["--email", "ada@example.com", "--password", PASSWORD, "--remote"], empty)).toBe(1);
    expect(empty.complained()).toContain("`npm run deploy` makes them");
  });
});

describe("npm run admin:create on a database", () => {
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

  it("knows an account by every spelling of its address, and shows it in Unicode", async () => {
    const first = await run(["--email", " Root@Bücher.example ", "--username", " chief ", "--password", PASSWORD]);
    expect(first.said).toContain("root@bücher.example is a superuser now, under the username chief.");
    expect(userOf("root@xn--bcher-kva.example")).toMatchObject({ username: "chief" });
    const again = await run(["--email", "root@xn--bcher-kva.example", "--password", PASSWORD]);
    expect(again.said).toContain("root@bücher.example is a superuser already");
    const refused = await run(["--email", "root@bücher-.example"]);
    expect(refused.complained).toContain("--email: Enter a valid email address");
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
    const digest = createHash("sha256").update("retired").digest("base64url");
    database.change(
      `INSERT INTO retired_usernames (digest, retired_until) VALUES ('${digest}', ${Date.now() + 3_600_000})`,
    );
    const retired = await run(["--email", "r@example.org", "--username", "Retired", "--password", PASSWORD]);
    expect(retired.complained).toContain("The username Retired is taken");
    expect(userOf("r@example.org")).toBeUndefined();
    await run(["--email", "retired@example.org", "--password", PASSWORD]);
    expect(userOf("retired@example.org")?.username).toMatch(/^retired-[0-9a-f]{6}$/);
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

  it("takes over an account with an unverified address from the person who registered it", async () => {
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

  it("leaves a proved account its name and profile when an operator has made its address unverified", async () => {
    database.change(
      `INSERT INTO users (id, email, username, password_hash, first_name, is_verified, last_login_at, created_at, updated_at) VALUES ('u7', 'proved@example.net', 'proved', 'the hash of before', 'Paula', 0, 5, 1, 1)`,
    );
    expect((await run(["--email", "proved@example.net", "--password", PASSWORD])).code).toBe(0);
    const taken = userOf("proved@example.net");
    expect(taken).toMatchObject({ id: "u7", username: "proved", first_name: "Paula", is_verified: 1, is_superuser: 1 });
    expect(matches(PASSWORD, taken?.password_hash)).toBe(true);
  });

  it("keeps neither the username nor the profile that a stranger registered, unless the operator wants that name", async () => {
    const values = "'mallory@example.net', 'not-the-owner', 'the hash of a stranger', 'Mallory', '+441234567890', 1";
    database.change(
      `INSERT INTO users (id, email, username, password_hash, first_name, phone, created_at, updated_at) VALUES ('u4', ${values}, 1); INSERT INTO registrations (id, email, username, password_hash, first_name, phone, created_at) VALUES ('r4', ${values})`,
    );
    expect((await run(["--email", "mallory@example.net", "--password", PASSWORD])).said).toContain("username mallory.");
    const taken = userOf("mallory@example.net");
    expect(taken).toMatchObject({ id: "u4", username: "mallory", first_name: null, phone: null, is_superuser: 1 });
    expect(database.rows("SELECT * FROM registrations")).toEqual([]);
  });

  it("takes a username from a registration of another address that was never proved", async () => {
    const values = "'squatter@example.net', 'wanted', 'the hash of a stranger', 1";
    database.change(
      `INSERT INTO users (id, email, username, password_hash, created_at, updated_at) VALUES ('u5', ${values}, 1); INSERT INTO registrations (id, email, username, password_hash, created_at) VALUES ('r5', ${values})`,
    );
    database.change(
      `INSERT INTO users (id, email, username, password_hash, created_at, updated_at) VALUES ('u6', 'unproved@example.net', 'unproved', 'h', 1, 1)`,
    );
    expect((await run(["--email", "wanted@example.net", "--password", PASSWORD])).code).toBe(0);
    expect(userOf("wanted@example.net")?.username).toBe("wanted");
    expect(userOf("squatter@example.net")?.username).toMatch(/^user-[0-9a-f]{12}$/);
    const [registration] = database.rows("SELECT username FROM registrations WHERE id = 'r5'");
    expect(registration?.username).toMatch(/^user-[0-9a-f]{12}$/);
    // An account whose address was never verified can also get a name that a waiting registration wants.
    const moved = await run(["--email", "unproved@example.net", "--username", "wanted-too", "--password", PASSWORD]);
    expect(moved.said).toContain("under the username wanted-too.");
    database.change("DELETE FROM registrations");
  });

  it("makes one account of two runs at once", async () => {
    const runs = await Promise.all([1, 2].map(() => run(["--email", "twin@example.com", "--password", PASSWORD])));
    expect(runs.some(({ code }) => code === 0)).toBe(true);
    const users = database.rows("SELECT id FROM users WHERE email = 'twin@example.com'");
    expect(users).toHaveLength(1);
    const events = database.rows(`SELECT id FROM audit_events WHERE user_id = '${users[0]?.id}'`);
    expect(events).toHaveLength(1);
  });

  it.each([
    ["a new account", "", "SELECT 1"],
    ["an unproved account", "late@example.com", "UPDATE users SET session_epoch = 9"],
    ["an account that its owner proves", "owner@example.com", "UPDATE users SET is_verified = 1"],
    ["a proved account", "soon@example.com", "UPDATE users SET is_active = 0"],
  ])("says that the directory changed at the same moment: %s", async (_, existing, change) => {
    const email = existing || "early@example.com";
    const verified = email.startsWith("soon") ? 1 : 0;
    const columns = "id, email, username, password_hash, is_verified, created_at, updated_at";
    const insert = (id: string) =>
      `INSERT INTO users (${columns}) VALUES ('${id}', '${email}', '${id}', 'h', ${verified}, 1, 1)`;
    if (existing !== "") database.change(insert(`id-${email}`));
    // Another request changes the account after the command has read it, and before the command changes it.
    const DB = onFirstChange(database.DB, () => {
      database.change(existing === "" ? insert(`id-${email}`) : `${change} WHERE email = '${email}'`);
    });
    const work = makeTree(undefined, [], { DB });
    expect(await createAdmin(["--email", email, "--password", PASSWORD], work)).toBe(1);
    expect(work.complained()).toContain("run the command again");
    expect(userOf(email)).toMatchObject({ is_superuser: 0, password_hash: "h" });
  });

  it("runs as a process that reads the password from a pipe, shows none of it, and ends", async () => {
    const typed = `process@example.com\n${PASSWORD}\n`;
    const script = join(import.meta.dirname, "../../src/commands/create-admin.ts");
    const { code, output } = await runProgram(process.execPath, [...AS_SCRIPT, script, database.flag], {}, typed);
    expect(code, output).toBe(0);
    expect(output).toBe("process@example.com is a superuser now, under the username process.\n");
    expect(matches(PASSWORD, userOf("process@example.com")?.password_hash)).toBe(true);
  });
});

/** Wraps the database so that `happen` runs just before the first statement that changes something. */
function onFirstChange(database: D1Database, happen: () => void): D1Database {
  let queries: string[] = [];
  let hasHappened = false;
  return {
    prepare(query: string) {
      queries.push(query);
      return database.prepare(query);
    },
    batch(statements: D1PreparedStatement[]) {
      const isChange = queries.some((query) => /^(insert|update)/i.test(query));
      queries = [];
      if (isChange && !hasHappened) happen();
      hasHappened ||= isChange;
      return database.batch(statements);
    },
  } as unknown as D1Database;
}

describe("a question", () => {
  const written = (output: PassThrough) => String(output.read() ?? "");

  it("reads line by line what is piped in, and nothing where that has ended", async () => {
    const input = new PassThrough();
    const ask = createAsk(input, new PassThrough(), new AbortController().signal);
    input.write("one\r\ntwo\n");
    expect(await ask("First? ")).toBe("one");
    expect(await ask("Second? ", "secret")).toBe("two");
    expect(input.isPaused(), "a pipe that stays open does not keep the command waiting").toBe(true);
    input.end();
    expect(await ask("Third? ")).toBeUndefined();
  });

  it("is shown at a terminal, with the answer", async () => {
    const [input, output] = [Object.assign(new PassThrough(), { isTTY: true }), new PassThrough()];
    const answer = createAsk(input, output, new AbortController().signal)("Email: ");
    input.write("ada@example.com\r");
    expect(await answer).toBe("ada@example.com");
    // The text that was written since the line was last redrawn.
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
    expect(shown).toContain("do not match");
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

  it("is not asked after the operator has stopped the command", async () => {
    const stop = new AbortController();
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const ask = createAsk(input, new PassThrough(), stop.signal);
    const answer = ask("Email: ");
    stop.abort();
    expect(await answer).toBeUndefined();
    expect(await ask("Email: ")).toBeUndefined();
  });
});
