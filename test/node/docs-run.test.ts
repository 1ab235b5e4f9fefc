/**
 * Follows the documentation like a reader: writes the files of every page, and runs its commands. All pages run one
 * after another in the same clone, with the same service. docs-pages.test.ts says what may be left out.
 */
import { execFile } from "node:child_process";
import { scryptSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUserReader } from "../../src/commands/import/imported-user.ts";
import { VERSION } from "../../src/version.ts";
import { CHROMIUM, launchBrowser, mailedLink } from "./live-browser.ts";
import { logIn } from "./live-person.ts";
import { type Service, useClone } from "./live-service.ts";
import { freePort } from "./loopback.ts";
import { PAGES, readBlocks, readPage } from "./markdown.ts";
import { POSTGRESQL, startPostgreSql } from "./postgresql.ts";
import { plainEnvironment } from "./run-program.ts";

/** Debian's Python, with its PyJWT. */
const PYTHON = "/usr/bin/python3";
/** Debian's sqlite3. */
const SQLITE = "/usr/bin/sqlite3";

/** The password of the migrated users, and passlib's hash of it. */
const PASSWORD = "the password of before";
const BCRYPT = "$2b$10$uBvpWRRpbEh1n3IhJBecxOsIHk6qdmaf5b3ywWxB296uD7Xt5Dl26";

/** The tables of the services that users migrate from. Both SQLite and PostgreSQL accept this SQL. */
const SALT = "0123456789abcdef0123456789abcdef";
const KEY = scryptSync(PASSWORD, SALT, 64, { N: 16_384, r: 16, p: 1, maxmem: 64 * 2 ** 20 }).toString("hex");
const FASTAPI = `
  CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, username TEXT, hashed_password TEXT, first_name TEXT,
    last_name TEXT, is_active BOOLEAN, is_verified BOOLEAN, is_superuser BOOLEAN, created_at TIMESTAMPTZ);
  INSERT INTO users VALUES (1, 'frank@example.com', 'frank', '${BCRYPT}', 'Frank', NULL, TRUE, TRUE, FALSE,
    '2025-01-02T03:04:05.678901+00:00');
`;
const BETTER_AUTH = `
  CREATE TABLE "user" (id TEXT PRIMARY KEY, name TEXT, email TEXT, "emailVerified" BOOLEAN, "createdAt" TIMESTAMPTZ,
    role TEXT, banned BOOLEAN);
  CREATE TABLE account (id TEXT PRIMARY KEY, "userId" TEXT, "providerId" TEXT, password TEXT);
  INSERT INTO "user" VALUES ('aH3', 'Heidi', 'heidi@example.com', TRUE, '2025-01-02T03:04:05.678Z', NULL, NULL),
    ('bI7', 'Ivan', 'ivan@example.com', FALSE, '2025-01-02T03:04:05.678Z', 'user', TRUE);
  INSERT INTO account VALUES ('a1', 'aH3', 'credential', '${SALT}:${KEY}'), ('a2', 'aH3', 'github', NULL),
    ('a3', 'bI7', 'github', NULL);
`;

/** The script of a page whose title becomes the API's answer to `app/api.ts`. */
const TRY_API = `
  import { createClient } from "postern/client";
  import { readClaims } from "./api.ts";
  const client = createClient({ baseUrl: "POSTERN", mode: "cookie", apis: ["API"] });
  document.title = JSON.stringify(await client.refresh() && await readClaims(client));
`;

/** A page's command that makes the npm package. It runs once, before the commands of the pages. */
const PACK = "npm pack\n";

const clone = useClone();
const run = promisify(execFile);
let service: Service;
let notes: Service;
let app: ViteDevServer;
/** The addresses in the pages, each with the address that it has in these tests. */
const addresses = new Map<string, string>();

/** The answers that each page's commands print, in this order. A page with commands must be in this list. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  "README.md": [
    '{"status":"verification_required"}',
    '{"status":"verified"}',
    '"token_type":"Bearer"',
    '"email":"ada@example.com"',
    "\n204\n",
    '"code":"invalid_access_token"',
  ],
  "docs/cookies-or-tokens.md": ["postern_refresh=", "HttpOnly"],
  "docs/factors.md": [
    '"recovery_codes":["',
    '"code":"second_factor_required"',
    '"token_type":"Bearer"',
    '"token_type":"Bearer"',
    '"token_type":"Bearer"',
    '"expires_at":"',
    "204",
    '"recovery_codes_left":8',
    '"recovery_codes":["',
    '"name":"Old phone"',
    "204",
  ],
  "docs/email-login.md": ['"status":"accepted"', '"code":"login_code_required"', '"token_type":"Bearer"'],
  "docs/quick-start-worker.md": [
    '"code":"unauthorized"',
    '"role":"user"',
    '"code":"forbidden"',
    '"code":"forbidden"',
    '"paid_by":"ada@example.com"',
    '"code":"invalid_access_token"',
    "pass 2",
  ],
  "docs/other-languages.md": ["Node: user ", "jsonwebtoken: user ", "fast-jwt: user "],
  "docs/import.md": ["2 lines: 1 user imported, 1 line refused.", '"code":"unusable_hash"', '"username":"carol"'],
  "docs/migrate-from-fastapi.md": ["1 line: 1 user imported, 0 lines refused.", '"username":"frank"'],
  "docs/migrate-from-better-auth.md": ["2 lines: 2 users imported, 0 lines refused.", '"email":"heidi@example.com"'],
  // This page comes last, because Ada deletes her account at its end.
  "docs/accounts.md": [
    '"first_name":"Ada"',
    '"current":true',
    '{"status":"confirmation_required"}',
    '{"status":"confirmed"}',
    '"type":"login_succeeded"',
    '"exported_at"',
    '{"status":"accepted"}',
    "204",
    '"username":"bob"',
    '"role":"moderator"',
    '"is_active":false',
    '"expires_at"',
    '{"status":"verified"}',
    '"old":"user","new":"moderator"',
  ],
};

beforeAll(async () => {
  const appPort = await freePort();
  const appOrigin = `http://localhost:${appPort}`;
  addresses.set("http://localhost:5173", appOrigin);
  const own = [`ALLOWED_ORIGINS:${appOrigin}`, `VERIFY_EMAIL_URL:${appOrigin}/verify.html`, "EMAIL_LOGIN:on"];
  // `npm pack` writes dist/, which the Worker below watches. So `npm pack` ends before that Worker starts. In this
  // clone, the name `postern` means the clone itself. In a reader's folder, it means the installed tarball.
  const [started, packed] = await Promise.all([clone.serve(own.flatMap((value) => ["--var", value])), bash(PACK)]);
  service = started;
  expect(packed.stdout).toContain(`postern-${VERSION}.tgz`);
  addresses.set("http://localhost:8787", service.origin);
  writeFiles(() => true);
  notes = await clone.startBeside(service, "notes/wrangler.toml", {});
  addresses.set("http://localhost:8788", notes.origin);
  writeFiles((file) => file.startsWith("app/"));
  app = await createServer({
    configFile: false,
    logLevel: "silent",
    root: join(clone.folder, "app"),
    cacheDir: join(clone.folder, "app/.vite"),
    server: { port: appPort, strictPort: true },
  });
  await app.listen();
});

afterAll(() => app?.close());

function withAddresses(text: string): string {
  return [...addresses].reduce((changed, [written, real]) => changed.replaceAll(written, real), text);
}

/** Runs a page's commands, and then `more`, in one shell. Returns what they print. */
async function paste(page: string, more: string): Promise<string> {
  const script = withAddresses(`${commandsOf(page)}\n${more}`).replaceAll(
    /npm run (admin:create|users:import) --/g,
    `npm run $1 -- --persist-to ${service.state}`,
  );
  return (await bash(script)).stdout;
}

function shell(command: string, words: readonly string[], more: Record<string, string> = {}) {
  return run(command, words, { cwd: clone.folder, env: { ...plainEnvironment(), ...more }, timeout: 240_000 });
}

/** Runs a script, which ends at the first command that fails. */
const bash = (script: string, more?: Record<string, string>) => shell("bash", ["-e", "-c", script], more);

/** A block that `paste` leaves out, because not every machine has its program. */
function idleBlock(page: string, program: string): string {
  const block = readBlocks(page).find(({ notRun, text }) => notRun !== undefined && text.startsWith(`${program} `));
  if (block === undefined) throw new Error(`${page} does not run ${program}.`);
  return block.text;
}

/** The users in a file. Times become `Date`s, because each database writes them differently. */
function usersIn(file: string): object[] {
  const lines = readFileSync(join(clone.folder, file), "utf8").trim().split("\n");
  return lines.map((line) => {
    const { created_at, ...user } = JSON.parse(line);
    return { ...user, created_at: new Date(created_at) };
  });
}

/** Writes the programs of the pages, with the addresses that are known so far. */
function writeFiles(isMeant: (file: string) => boolean): void {
  for (const { file, text } of PAGES.flatMap(readBlocks)) {
    if (file === undefined || !isMeant(file)) continue;
    mkdirSync(dirname(join(clone.folder, file)), { recursive: true });
    writeFileSync(join(clone.folder, file), withAddresses(text));
  }
}

/** Runs a query whose rows are JSON texts, and writes them to a file like `psql -At` and `sqlite3 -list`. */
function exportUsers(database: DatabaseSync, query: string, file: string): void {
  // A stand-in for PostgreSQL's function. It also makes booleans, which SQLite does not have.
  database.function("json_build_object", { varargs: true }, (...words) => {
    const pairs = words.flatMap((word, index) =>
      index % 2 === 0 ? [{ name: String(word), value: words[index + 1] }] : [],
    );
    const typed = pairs.map(({ name, value }) => [name, name.startsWith("is_") ? value === 1 : value]);
    return JSON.stringify(Object.fromEntries(typed));
  });
  const rows = database.prepare(readFileSync(join(clone.folder, query), "utf8")).all();
  const lines = rows.flatMap((row) => Object.values(row).map((text) => `${text}\n`));
  writeFileSync(join(clone.folder, file), lines.join(""));
}

/** Writes a copy of a query file with these additional pairs of a name and a value. Returns the copy's name. */
function adding(query: string, ...pairs: readonly string[]): string {
  const text = readFileSync(join(clone.folder, query), "utf8");
  writeFileSync(join(clone.folder, `${query}.more`), text.replace("'email'", `${pairs.join(", ")}, 'email'`));
  return basename(`${query}.more`);
}

function commandsOf(page: string): string {
  const blocks = readBlocks(page).filter(
    ({ language, notRun, text }) => language === "sh" && notRun === undefined && text !== PACK,
  );
  return blocks.map(({ text }) => text).join("\n");
}

/**
 * Runs a page's commands, and then `more`. Fails unless the output contains the page's answers in their order. Returns
 * the output.
 */
async function expectPrinted(page: string, more = ""): Promise<string> {
  const output = await paste(page, more);
  let position = 0;
  for (const answer of PRINTED[page] ?? []) {
    const found = output.indexOf(answer, position);
    expect(found, `${answer} in\n${output}`).toBeGreaterThanOrEqual(0);
    position = found + answer.length;
  }
  return output;
}

describe("the documentation's commands", () => {
  it("are run by these tests on every page", () => {
    expect(PAGES.flatMap(readBlocks).some(({ text }) => text === PACK)).toBe(true);
    expect(PAGES.filter((page) => commandsOf(page) !== "")).toEqual(PAGES.filter((page) => page in PRINTED));
  });

  it("do the main job when pasted", async () => {
    await expectPrinted("README.md");
  });

  it("verify in another Worker", async () => {
    await expectPrinted("docs/quick-start-worker.md");
  });

  it("verify in another Worker without Hono", async () => {
    const configuration = readFileSync(join(clone.folder, "notes/wrangler.toml"), "utf8");
    const plain = configuration.replace('"src/index.ts"', '"src/plain.ts"').replace('"notes"', '"plain"');
    writeFileSync(join(clone.folder, "notes/plain.toml"), plain);
    const worker = await clone.startBeside(service, "notes/plain.toml", {});
    const ada = { email: "ada@example.com", username: "ada", password: "correct horse battery staple" };
    const { access_token } = await logIn(service.origin, ada);
    const good = await fetch(worker.origin, { headers: { Authorization: `Bearer ${access_token}` } });
    expect(await good.json()).toEqual({ sub: expect.any(String), role: "user" });
    const bad = await fetch(worker.origin);
    expect(bad.status).toBe(401);
    expect(await bad.json()).toEqual({ code: "malformed_token" });
    expect(bad.headers.get("WWW-Authenticate")).toBe('Bearer error="invalid_token"');
  });

  it("verify in Node, and in Python where it has PyJWT", async ({ skip }) => {
    const knowsJwt = await shell(PYTHON, ["-c", "import jwt, cryptography"]).then(
      () => true,
      () => false,
    );
    const python = idleBlock("docs/other-languages.md", "python3").replace("python3", PYTHON);
    const output = await expectPrinted("docs/other-languages.md", knowsJwt ? python : "");
    if (!knowsJwt) return skip(`${PYTHON} has no PyJWT.`);
    const [, subject = "?"] = /^Node: user (\S+)$/m.exec(output) ?? [];
    expect(output).toContain(`Python: user ${subject}`);
  });

  it("log in with a cookie", async () => {
    await expectPrinted("docs/cookies-or-tokens.md");
  });

  it("add a second factor, log in with it, and remove it", async () => {
    await expectPrinted("docs/factors.md");
  });

  it("log in with an emailed link", async () => {
    await expectPrinted("docs/email-login.md");
  });

  it("bring users along", async () => {
    await expectPrinted("docs/import.md");
  });

  it("bring users along from FastAPI and passlib, PostgreSQL's query run in SQLite", async () => {
    const database = new DatabaseSync(":memory:");
    database.exec(FASTAPI);
    exportUsers(database, "fastapi/export.sql", "fastapi/users.ndjson");
    await expectPrinted("docs/migrate-from-fastapi.md");
    // Adds what the page suggests for columns that not every service has.
    database.exec(`ALTER TABLE users ADD role TEXT; ALTER TABLE users ADD phone TEXT;
      ALTER TABLE users ADD updated_at TIMESTAMPTZ; ALTER TABLE users ADD last_login TIMESTAMPTZ;
      UPDATE users SET role = 'MODERATOR', phone = '+442079460000', updated_at = created_at;`);
    const more = readPage("docs/migrate-from-fastapi.md").match(/(?<=`)'(role|phone|updated_at|last_login)', [^`]+/g);
    exportUsers(database, `fastapi/${adding("fastapi/export.sql", ...(more ?? []))}`, "fastapi/more.ndjson");
    const [user] = usersIn("fastapi/more.ndjson");
    expect(user).toMatchObject({ role: "moderator", phone: "+442079460000", last_login: null });
    const bytes = Buffer.from(JSON.stringify(user));
    const read = createUserReader({ seed: "a test", startedAt: Date.now() })({ number: 1, bytes, end: bytes.length });
    expect(read).toMatchObject({ user: { role: "moderator" } });
  });

  it("bring users along from better-auth, with the same result from the query for SQLite and PostgreSQL's run in SQLite", async () => {
    const database = new DatabaseSync(":memory:");
    database.exec(BETTER_AUTH);
    const exported = (query: string) => {
      exportUsers(database, `better-auth/${query}`, "better-auth/users.ndjson");
      return readFileSync(join(clone.folder, "better-auth/users.ndjson"), "utf8");
    };
    expect(exported("postgresql.sql")).toBe(exported("sqlite.sql"));
    // Adds what the page suggests for the columns of better-auth's admin plugin, which are empty for most users.
    const [role = "", postgresql = "", sqlite = ""] = (
      readPage("docs/migrate-from-better-auth.md").match(/`'(role|is_active)', [^`]+`/g) ?? []
    ).map((code) => code.slice(1, -1));
    const users = exported(adding("better-auth/postgresql.sql", role, postgresql));
    expect(usersIn("better-auth/users.ndjson")).toMatchObject([
      { email: "heidi@example.com", role: "user", is_active: true },
      { email: "ivan@example.com", role: "user", is_active: false },
    ]);
    expect(exported(adding("better-auth/sqlite.sql", role, sqlite))).toBe(users);
    await expectPrinted("docs/migrate-from-better-auth.md");
  });

  // This needs Debian's package. Without it, the test is reported as skipped.
  it.skipIf(!existsSync(SQLITE))("take better-auth's users out by the sqlite3 program", async () => {
    const database = new DatabaseSync(join(clone.folder, "auth.db"));
    database.exec(BETTER_AUTH);
    await bash(idleBlock("docs/migrate-from-better-auth.md", "sqlite3"));
    const printed = usersIn("better-auth/users.ndjson");
    exportUsers(database, "better-auth/sqlite.sql", "better-auth/expected.ndjson");
    expect(printed).toEqual(usersIn("better-auth/expected.ndjson"));
    database.close();
  });

  it.skipIf(POSTGRESQL === undefined).each([
    ["FastAPI", "fastapi", "export.sql", FASTAPI],
    ["better-auth", "better-auth", "postgresql.sql", BETTER_AUTH],
  ])(
    "take the users of %s out of PostgreSQL, as the query's run in SQLite has them",
    async (_, folder, query, tables) => {
      const page = `docs/migrate-from-${folder}.md`;
      const database = new DatabaseSync(":memory:");
      database.exec(tables);
      exportUsers(database, `${folder}/${query}`, `${folder}/expected.ndjson`);
      const server = startPostgreSql(POSTGRESQL ?? "");
      try {
        const DATABASE_URL = server.url;
        writeFileSync(join(clone.folder, folder, "tables.sql"), tables);
        const psql = `psql "$DATABASE_URL" -X -q -v ON_ERROR_STOP=1 -f ${folder}/tables.sql\n${idleBlock(page, "psql")}`;
        await bash(psql, { DATABASE_URL });
      } finally {
        server.stop();
      }
      expect(usersIn(`${folder}/users.ndjson`)).toEqual(usersIn(`${folder}/expected.ndjson`));
    },
  );

  it("look after accounts", async () => {
    await expectPrinted("docs/accounts.md");
  });
});

describe("the documentation's programs", () => {
  it.each([
    { folder: "notes", types: ["@cloudflare/workers-types"], lib: ["es2024"] },
    { folder: "app", types: [], lib: ["es2024", "dom", "dom.iterable"] },
  ])("compile as strictly as ours: $folder", async ({ folder, types, lib }) => {
    const compilerOptions = { types, lib, noEmit: true };
    const project = { extends: "../tsconfig.json", compilerOptions, include: ["**/*.ts"] };
    writeFileSync(join(clone.folder, folder, "tsconfig.json"), JSON.stringify(project));
    const { code = 0, stdout } = await shell("npx", ["tsc", "--project", folder]).catch((error) => error);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });

  // This needs Debian's package of Chromium. Without it, the test is reported as skipped.
  it.skipIf(!existsSync(CHROMIUM))("sign a user in from a page", async () => {
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      const origin = withAddresses("http://localhost:5173");
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(String(error)));
      const says = (text: string) => page.getByRole("status").filter({ hasText: text }).waitFor();
      const fill = async (label: string, text: string) => page.getByLabel(label).fill(text);

      await page.goto(`${origin}/own.html`);
      await says("You are not logged in.");
      await fill("Email", "eve@example.com");
      await fill("Username", "eve");
      await fill("Password", "short");
      await page.getByRole("button", { name: "Register" }).click();
      await says("Use at least 15 characters.");
      await fill("Password", "correct horse battery staple");
      await page.getByRole("button", { name: "Register" }).click();
      await says("Check your email.");

      await page.goto(await mailedLink(service.origin, "eve@example.com", "verify.html"));
      await expect.poll(() => page.url(), { timeout: 10_000 }).toBe(`${origin}/verify.html`);
      await page.route("**/api/v1/auth/*", (route) => route.abort());
      await page.getByRole("button").click();
      await says("We couldn't reach the server.");
      await page.unroute("**/api/v1/auth/*");
      await page.getByRole("button").click();
      await says("Email address verified.");

      await page.goto(`${origin}/own.html`);
      await fill("Email", "eve@example.com");
      await fill("Password", "correct horse battery staple");
      await page.getByRole("button", { name: "Log in" }).click();
      await says("Logged in as eve.");
      await page.reload();
      await says("Logged in as eve.");
      await page.route("**/api/v1/auth/*", (route) => route.abort());
      await page.reload();
      await says("Could not reach the server.");
      await page.unroute("**/api/v1/auth/*");
      await page.reload();
      await says("Logged in as eve.");

      // The page also shows how to call an API. Here, the Worker of the other page is that API.
      writeFileSync(join(clone.folder, "app/try.html"), '<script type="module" src="try.ts"></script>');
      writeFileSync(
        join(clone.folder, "app/try.ts"),
        TRY_API.replace("POSTERN", service.origin).replace("API", notes.origin),
      );
      await page.goto(`${origin}/try.html`);
      await expect.poll(() => page.title(), { timeout: 20_000 }).toContain('"role":"user"');
      await page.goto(`${origin}/own.html`);
      await page.getByRole("button", { name: "Log out" }).click();
      await says("You are not logged in.");

      // The user logs in on the service's pages.
      await page.goto(origin);
      await says("You are not logged in.");
      await page.getByRole("link", { name: "Log in" }).click();
      await fill("Email address or username", "eve");
      await page.fill("#password", "correct horse battery staple");
      await page.click("#login-button");
      await says("Logged in as eve.");
      await page.getByRole("link", { name: "Log out" }).click();
      await page.click("#logout-button");
      await says("You are not logged in.");
      expect(page.url()).toBe(`${origin}/`);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
