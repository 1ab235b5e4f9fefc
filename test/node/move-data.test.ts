import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { exportData } from "../../src/commands/export-data.ts";
import { importData } from "../../src/commands/import-data.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { TABLES } from "../../src/db/tables.ts";
import { createKeyRow } from "../../src/keys/sealed-key.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { hasPrograms } from "./container-service.ts";
import { type LocalDatabase, makeLocalDatabase } from "./local-database.ts";
import { makeTree } from "./stand-in.ts";

const SECRET = "W4bq0Wb1xN1w9nYcQm7Jt3LZkEoU5sHrVd8TgAfC2iPjXy6B";
const OTHER_SECRET = "p0Lk2Jh4Gf6Ds8Az1Xc3Vb5Nm7Qw9Er0Ty2Ui4Op6Kj8Hg1F";
const HOSTILE = "O'Brien'); DROP TABLE users; --\n-- End of the backup.\n;\r\u2028\u0001\t\"`\\ \\n 😀 é";
const END = "-- End of the backup.\n";

const here = await makeLocalDatabase();
const there = await makeLocalDatabase();
const folder = mkdtempSync(join(tmpdir(), "postern move "));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let file: string;
let files = 0;

const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
/** A table with the numbers from 1 to `most`. */
const series = (most: number) =>
  `(WITH RECURSIVE numbers(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < ${most}) SELECT value FROM numbers)`;
const namesOfTables = (database: LocalDatabase) =>
  database
    .rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
    .map(({ name }) => String(name));

/** The SQL for a signing key as the service makes one. */
async function keyRow(secret: string, sequence: number): Promise<string> {
  const parts = {
    sequence,
    algorithm: "ES256",
    signsFrom: 5,
    signingPeriod: 10,
    now: 3,
    random: systemRandom,
  } as const;
  const key = await createKeyRow({ ...parts, secrets: createSecrets(secret) });
  return `INSERT INTO signing_keys VALUES (${sequence}, '${key.id}', 'ES256', ${text(key.publicJwk)}, '${key.sealedPrivateJwk}', 3, 5, 15, NULL)`;
}

function empty(database: LocalDatabase): void {
  database.change(
    `${TABLES.map(({ name }) => `DELETE FROM ${name};`).join("")} DELETE FROM d1_migrations;
     ${MIGRATIONS.map((name) => `INSERT INTO d1_migrations (name) VALUES ('${name}');`).join("")}`,
  );
}

const addUser = (database: LocalDatabase, id: string, name: string | null = null, epoch = 3) =>
  database.change(
    `INSERT INTO users (id, email, username, password_hash, first_name, role, is_verified, session_epoch, kept_session_id, logins_until, created_at, updated_at)
     VALUES ('${id}', '${id}@example.com', '${id}', '$scrypt$', ${name === null ? "NULL" : text(name)}, 'admin', 1, ${epoch}, 'kept', 1700000000000.5, 1, 2)`,
  );
const addEvents = (database: LocalDatabase, count: number) =>
  database.change(
    `INSERT INTO audit_events (id, type, occurred_at, details) SELECT printf('event-%06d', value), 'login_succeeded', value, '{"a":1}' FROM ${series(count)}`,
  );

/** Adds rows to every table. Tables that no test looks at get a row that fits their columns. */
async function fillEverything(database: LocalDatabase): Promise<void> {
  addUser(database, "ada", HOSTILE);
  addEvents(database, 2);
  database.change(await keyRow(SECRET, 1));
  for (const { name } of TABLES) {
    if (database.rows(`SELECT 1 FROM ${name}`).length > 0) continue;
    const columns = database.rows(`SELECT name, type FROM pragma_table_info('${name}')`);
    const values = columns.map(({ type, name: column }, index) =>
      type === "TEXT" ? text(`${column} ${HOSTILE}`) : 7 + index,
    );
    database.change(`INSERT INTO ${name} VALUES (${values.join(",")})`);
  }
}

const contentsOf = (database: LocalDatabase) =>
  Object.fromEntries(TABLES.map(({ name, key }) => [name, database.rows(`SELECT * FROM ${name} ORDER BY ${key}`)]));

interface Run {
  argv?: string[];
  secret?: string;
  answers?: string[];
  /** Stops the command when its progress matches this. */
  stopAt?: RegExp;
  D1?: D1Database;
  database?: LocalDatabase;
}

async function run(
  command: typeof exportData,
  { argv = [file], secret = SECRET, answers, stopAt, database = there, D1 = database.DB }: Run = {},
) {
  const work = makeTree(undefined, answers, { DB: D1, AUDIT_DB: database.AUDIT_DB });
  writeFileSync(join(work.root, ".dev.vars"), `AUTH_SECRET=${secret}\n`);
  const show = (shown: string) => {
    work.say(`${shown}\n`);
    if (stopAt?.test(shown)) work.stopNow();
  };
  const code = await command(argv, Object.assign(work, { show }));
  return { code, said: work.said(), complained: work.complained(), asked: work.asked, places: work.places };
}
const write = (more: Run = {}) => run(exportData, { database: here, ...more });
const read = (more: Run = {}) => run(importData, more);
const eventsThere = () => there.rows("SELECT details FROM audit_events WHERE type = 'data_imported'");

/** Wraps a database so that `before` runs when a statement is prepared. */
function hooked({ DB }: LocalDatabase, before: (query: string) => void): D1Database {
  return Object.assign(Object.create(DB), {
    prepare(query: string) {
      before(query);
      return DB.prepare(query);
    },
    batch: (statements: D1PreparedStatement[]) => DB.batch(statements),
  });
}

beforeEach(() => {
  file = join(folder, `postern-${++files}.sql`);
  empty(here);
  empty(there);
});

describe("npm run data:export and data:import", () => {
  it("know every table of the database", () => {
    const own = TABLES.map(({ name }) => name);
    expect(
      namesOfTables(here)
        .filter((name) => !/^(d1_migrations|sqlite_sequence)$/.test(name))
        .toSorted(),
    ).toEqual(own.toSorted());
    expect(own.at(-1), "the cron job carries them out").toBe("follow_ups");
  });

  it("carry every row of every table as it is, and end the sessions", async () => {
    await fillEverything(here);
    there.change(await keyRow(SECRET, 1));
    addEvents(there, 3);
    const before = contentsOf(here);
    const written = await write();
    expect(written).toMatchObject({ code: 0, complained: "" });
    expect(written.said).toContain("AUTH_SECRET, which is not in the file");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).not.toContain(SECRET);

    const done = await read();
    expect(done).toMatchObject({ code: 0, complained: "" });
    expect(done.said).toContain("Imported 1 users");
    expect(done.said).toContain("npm run keys:rotate -- --emergency\n");
    const { users, signing_keys, audit_events, ...others } = contentsOf(there);
    const { users: [ada] = [], signing_keys: [key] = [], audit_events: events, ...same } = before;
    expect(others).toEqual(same);
    expect(users).toEqual([{ ...ada, session_epoch: 1_003, kept_session_id: null, updated_at: expect.any(Number) }]);
    expect(signing_keys).toEqual([{ ...key, sequence: 1_001 }]);
    expect(audit_events?.filter(({ type }) => type !== "data_imported")).toEqual(events);
    expect(contentsOf(here), "the old place is left as it is").toEqual(before);
  });

  it("leave registrations that were never proved as they are, so that their links still work", async () => {
    here.change(
      "INSERT INTO users (id, email, username, password_hash, created_at, updated_at) VALUES ('waiting', 'w@example.com', 'w', '!', 1, 1)",
    );
    await write();
    expect(await read()).toMatchObject({ code: 0, complained: "" });
    expect(there.rows("SELECT session_epoch, updated_at FROM users")).toEqual([{ session_epoch: 0, updated_at: 1 }]);
  });

  it("work with more rows than fit into one page or batch", async () => {
    here.change(
      `INSERT INTO users (id, email, username, password_hash, is_verified, created_at, updated_at)
       SELECT printf('user-%06d', value), value || '@example.com', 'user-' || value, hex(zeroblob(60)), 1, value, value FROM ${series(4321)}`,
    );
    addEvents(here, 5_000);
    expect((await write()).said).toContain("with 9,321 rows");
    expect((await read()).said).toContain("Imported 4,321 users");
    expect(there.rows("SELECT count(*) AS users, sum(created_at) AS sum FROM users")).toEqual([
      { users: 4_321, sum: (4_321 * 4_322) / 2 },
    ]);
  });

  it("carry the events of a database for them, each once, into one at the new place", async () => {
    const [from, to] = [await makeLocalDatabase({ hasArchive: true }), await makeLocalDatabase({ hasArchive: true })];
    for (const database of [from, to]) empty(database);
    to.change(await keyRow(SECRET, 1));
    from.change(await keyRow(SECRET, 1));
    addUser(from, "ada");
    const archive = (ids: string) =>
      from.AUDIT_DB?.prepare(
        `INSERT INTO archived_events (id, type, occurred_at, user_id, ip_address, details) SELECT value, 'login_failed', 5, 'ada', '192.0.2.7', '{"a":1}' FROM json_each(?)`,
      )
        .bind(ids)
        .run();
    const many = Array.from({ length: 1_500 }, (_, index) => `old-${String(index).padStart(6, "0")}`);
    await archive(JSON.stringify([...many, "event-000002"]));
    addEvents(from, 3);
    from.change(
      "INSERT INTO audit_events (id, type, occurred_at, user_id) VALUES ('import', 'account_imported', 1, 'ada')",
    );

    expect(await run(exportData, { database: from })).toMatchObject({ code: 0, complained: "" });
    const all = [...many, "event-000001", "event-000002", "event-000003", "import"].toSorted();
    const interrupted = await run(importData, { database: to, stopAt: /of .* rows/ });
    expect(interrupted.code).toBe(1);
    expect(await run(importData, { database: to })).toMatchObject({ code: 0, complained: "" });
    const staged = to.rows("SELECT id FROM audit_events WHERE type <> 'data_imported'").map(({ id }) => String(id));
    const archived = (await to.AUDIT_DB?.prepare("SELECT * FROM archived_events").all())?.results ?? [];
    expect(staged).toEqual(["import"]);
    expect([...staged, ...archived.map(({ id }) => String(id))].toSorted()).toEqual(all);
    expect(archived).toContainEqual(
      expect.objectContaining({ id: "old-000007", user_id: "ada", ip_address: "192.0.2.7", details: '{"a":1}' }),
    );

    // A service without a database for audit events keeps all events in the users' database.
    there.change(await keyRow(SECRET, 1));
    expect(await read()).toMatchObject({ code: 0, complained: "" });
    expect(
      there.rows("SELECT id FROM audit_events WHERE type <> 'data_imported' ORDER BY id").map(({ id }) => id),
    ).toEqual(all);
  });

  it("notice that the service moved events while they were read", async () => {
    const from = await makeLocalDatabase({ hasArchive: true });
    empty(from);
    const AUDIT_DB = from.AUDIT_DB;
    if (AUDIT_DB === undefined) throw new Error("There is no database for events.");
    let reads = 0;
    const busy = hooked({ ...from, DB: AUDIT_DB }, () => {
      reads += 1;
      if (reads === 2)
        void from.AUDIT_DB?.prepare(
          "INSERT INTO archived_events (id, type, occurred_at) VALUES ('late', 'logged_out', 1)",
        ).run();
    });
    const { code, complained } = await run(exportData, { database: { ...from, AUDIT_DB: busy } });
    expect(code).toBe(1);
    expect(complained).toContain("The service wrote to the database while it was read");
  });

  it.skipIf(!hasPrograms)("read and write what the container's restore and backup do", async () => {
    await fillEverything(here);
    await write();
    const container = join(folder, "image");
    cpSync(join(import.meta.dirname, "../../container"), container, { recursive: true });
    writeFileSync(join(container, "database"), "directory.sqlite\n");
    const env = { ...process.env, DATA_DIRECTORY: join(folder, "volume") };
    execFileSync(join(container, "restore"), [file], { env, stdio: "pipe" });
    const backup = join(folder, "backup.sql");
    execFileSync(join(container, "backup"), [backup], { env, stdio: "pipe" });
    expect(await read({ argv: [backup] })).toMatchObject({ code: 0, complained: "" });
    const { users, signing_keys: _, audit_events: __, ...others } = contentsOf(there);
    const { users: ___, signing_keys: ____, audit_events: _____, ...same } = contentsOf(here);
    expect(others).toEqual(same);
    expect(users).toMatchObject([{ id: "ada", first_name: HOSTILE }]);
  });
});

describe("npm run data:export", () => {
  it("leaves no file if the service wrote meanwhile, or if it is interrupted", async () => {
    addUser(here, "ada");
    const D1 = hooked(here, (query) => {
      if (query.includes("FROM `follow_ups` WHERE")) here.change("UPDATE users SET session_epoch = session_epoch + 1");
    });
    const written = await write({ D1 });
    expect(written).toMatchObject({ code: 1, complained: expect.stringContaining("Stop it first") });
    expect(existsSync(file)).toBe(false);

    expect(await write({ stopAt: /rows/ })).toMatchObject({
      code: 1,
      complained: expect.stringContaining("Run it again"),
    });
    expect(existsSync(file)).toBe(false);
    expect((await write()).code).toBe(0);
  });

  it("never replaces a file", async () => {
    writeFileSync(file, "mine");
    expect(await write()).toMatchObject({ code: 1, complained: expect.stringContaining("EEXIST") });
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  it("refuses a database of another release", async () => {
    here.change("INSERT INTO d1_migrations (name) VALUES ('9999_later.sql')");
    expect((await write()).complained).toContain(
      "doesn't know 9999_later.sql. Use that release here. Nothing changed.",
    );
    here.change(`DELETE FROM d1_migrations WHERE name IN ('9999_later.sql', '${MIGRATIONS.at(-1)}')`);
    expect((await write()).complained).toContain(`it lacks ${MIGRATIONS.at(-1)}`);
    expect(existsSync(file)).toBe(false);
  });
});

describe("npm run data:import", () => {
  it("goes on where it was interrupted, adds no row twice, and is done only once", async () => {
    for (const name of ["ada", "bob"]) addUser(here, name);
    addEvents(here, 2_500);
    here.change(await keyRow(SECRET, 1));
    await write();
    const first = await read({ stopAt: /^1,002 of/ });
    expect(first).toMatchObject({ code: 1, complained: expect.stringContaining("run the same command again") });
    expect(eventsThere()).toEqual([{ details: expect.stringMatching(/"rows":1002\}$/) }]);
    // Deletes imported rows before the next run. The import must not add them again.
    there.change("DELETE FROM users WHERE id = 'ada'; DELETE FROM audit_events WHERE id = 'event-000001'");

    // The next run meets a database that fails.
    let batches = 0;
    const D1 = Object.assign(Object.create(there.DB), {
      prepare: (query: string) => there.DB.prepare(query),
      batch(statements: D1PreparedStatement[]) {
        if (++batches === 2) throw new Error("D1_ERROR: storage was reset");
        return there.DB.batch(statements);
      },
    });
    expect(await read({ D1 })).toMatchObject({
      code: 1,
      complained: expect.stringMatching(/incomplete: run the same command again.*storage was reset/s),
    });
    expect(eventsThere()).toEqual([{ details: expect.stringMatching(/"rows":2002\}$/) }]);

    expect(await read()).toMatchObject({ code: 0, complained: "" });
    expect(there.rows("SELECT id FROM users")).toEqual([{ id: "bob" }]);
    expect(there.rows("SELECT count(*) AS count FROM audit_events WHERE type = 'login_succeeded'")).toEqual([
      { count: 2_499 },
    ]);
    expect(eventsThere()).toEqual([{ details: expect.stringMatching(/"rows":2502,"users":2\}$/) }]);

    const again = await read();
    expect(again).toMatchObject({
      code: 0,
      said: expect.stringContaining("imported already, with 2 users. Nothing changed."),
    });
    expect(there.rows("SELECT id, session_epoch FROM users")).toEqual([{ id: "bob", session_epoch: 1_003 }]);
  });

  it("refuses a service that has users", async () => {
    addUser(here, "ada");
    addUser(there, "bob");
    await write();
    expect(await read()).toMatchObject({
      code: 1,
      complained: expect.stringContaining("has 1 users or registrations already"),
    });
    expect(there.rows("SELECT id, session_epoch FROM users")).toEqual([{ id: "bob", session_epoch: 3 }]);
  });

  it("refuses a local service with another AUTH_SECRET", async () => {
    here.change(await keyRow(SECRET, 1));
    await write();
    expect(await read({ secret: OTHER_SECRET })).toMatchObject({
      code: 1,
      complained: expect.stringContaining("AUTH_SECRET in .dev.vars does not open every signing key"),
    });
    expect(eventsThere()).toEqual([]);
  });

  it("asks for the secret of a deployed service, and takes the one that opens the keys of both places", async () => {
    here.change(await keyRow(SECRET, 1));
    await write();
    const argv = [file, "--remote"];
    expect((await read({ argv, answers: [OTHER_SECRET] })).complained).toContain("not the one of the old place");
    expect((await read({ argv, answers: [] })).complained).toContain("not the one of the old place");
    expect((await read({ argv, answers: [SECRET] })).complained).toContain("has no signing key yet");
    there.change(await keyRow(OTHER_SECRET, 1));
    expect((await read({ argv, answers: [SECRET] })).complained).toContain("The new place has another AUTH_SECRET");
    there.change("DELETE FROM signing_keys");
    there.change(await keyRow(SECRET, 1));
    const done = await read({ argv, answers: [SECRET] });
    expect(done).toMatchObject({ code: 0, complained: "", asked: ["The AUTH_SECRET of both places: known-secret"] });
    expect(done.places).toEqual([expect.objectContaining({ remote: true })]);
    expect(done.said).toContain("npm run keys:rotate -- --emergency --remote\n");
    expect(done.said + done.complained).not.toContain(SECRET);
  });

  it("refuses a file or a service of another release", async () => {
    await write();
    there.change("INSERT INTO d1_migrations (name) VALUES ('9999_later.sql')");
    expect((await read()).complained).toContain("The new place is of a newer release");
    writeFileSync(file, readFileSync(file, "utf8").replace(MIGRATIONS.at(-1) ?? "", "9999_later.sql"));
    expect((await read()).complained).toContain(
      "The file is of a newer release than this folder, which doesn't know 9999_later.sql",
    );
    writeFileSync(file, readFileSync(file, "utf8").replace(/.*9999_later.*\n/, ""));
    expect((await read()).complained).toContain(
      `The file is of an older release than this folder: it lacks ${MIGRATIONS.at(-1)}`,
    );
    expect(eventsThere()).toEqual([]);
  });

  it.each([
    ["is cut off", (whole: string) => whole.slice(0, -40), "its last line is missing"],
    ["is damaged", (whole: string) => whole.replace("CREATE TABLE", "CREATE TABEL"), "syntax error"],
    [
      "lacks a table",
      (whole: string) => whole.replaceAll(/^.*retired_usernames[^;]*;\n/gm, ""),
      "it lacks retired_usernames",
    ],
    ["reaches for other files", (whole: string) => `ATTACH 'x.db' AS x;\n${whole}`, "not authorized"],
    ["has a line of another size", () => `${"x".repeat(70_000)}\n${END}`, "line 1 is too long"],
    ["is empty", () => "", "its last line is missing"],
  ])("refuses a file that %s", async (_, change, fault) => {
    addUser(here, "ada");
    await write();
    writeFileSync(file, change(readFileSync(file, "utf8")));
    const { code, complained } = await read();
    expect(code).toBe(1);
    expect(complained).toContain("The file is not a complete backup");
    expect(complained).toContain(fault);
    expect(there.rows("SELECT id FROM users")).toEqual([]);
    expect(eventsThere()).toEqual([]);
  });

  it("says which file is missing", async () => {
    expect(await read()).toMatchObject({
      code: 1,
      complained: `There is no file ${file}. Nothing changed.\n`,
      places: [],
    });
  });

  it("takes a file that grew after its end for another one", async () => {
    await write();
    appendFileSync(file, "DELETE FROM users;\n");
    expect((await read()).complained).toContain("its last line is missing");
  });
});

describe.each([
  ["data:export", exportData],
  ["data:import", importData],
])("npm run %s", (name, command) => {
  it.each([
    ["no file", [], "This takes the name of one"],
    ["two files", ["a", "b"], "This takes the name of one"],
    ["an unknown flag", ["a", "--all"], "Unknown option '--all'"],
    ["a container's volume", ["a", "--volume", "x"], "A container has its own"],
    ["local state of a remote database", ["a", "--remote", "--persist-to", "x"], "does not go with --remote"],
  ])("refuses %s with the usage and exit code 2", async (_, argv, fault) => {
    const { code, complained, places } = await run(command, { argv });
    expect(code).toBe(2);
    expect(complained).toContain(fault);
    expect(complained).toContain(`Usage: npm run ${name}`);
    expect(places).toEqual([]);
  });

  it("explains itself on --help", async () => {
    expect(await run(command, { argv: ["--help"] })).toMatchObject({
      code: 0,
      said: expect.stringContaining(`Usage: npm run ${name} -- <file>`),
    });
  });
});
