/** The checks of `npm run doctor` that examine this machine and the database, each with one thing wrong. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { SECRET_VARIABLES } from "../../src/config/config.ts";
import { ARCHIVE_MIGRATIONS } from "../../src/db/archive.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { earliestId } from "../../src/platform/random.ts";
import { DEV_VARS, examine, makeConfigured } from "./doctoring.ts";
import { bindArchive, type LocalDatabase, makeLocalDatabase } from "./local-database.ts";
import { readPage } from "./markdown.ts";
import { makeTree } from "./stand-in.ts";
import { TREE } from "./tree-files.ts";

const withoutQueues = (toml: string) => toml.replaceAll(/^\[\[queues\.\w+\]\]\n(?:\w.*\n)*/gm, "");

describe("The doctor's check of the packages", () => {
  const manifest = { devDependencies: { node: "24.21.0", wrangler: "4.0.0", zod: "4.0.0" } };

  function makeInstalled(installed: Record<string, string>, locked = manifest.devDependencies) {
    const tree = makeTree();
    const write = (path: string, content: object) => {
      mkdirSync(dirname(join(tree.root, path)), { recursive: true });
      writeFileSync(join(tree.root, path), JSON.stringify(content));
    };
    const packages = {
      "": { devDependencies: locked },
      "node_modules/zod": { version: "4.0.0" },
      "node_modules/wrangler": { version: "4.0.0" },
      "node_modules/for-another-system": { version: "1.0.0", optional: true },
    };
    write("package.json", manifest);
    write("package-lock.json", { packages });
    for (const [name, version] of Object.entries(installed)) write(`node_modules/${name}/package.json`, { version });
    return tree;
  }

  it("accepts what the lock names, without what is for other systems", async () => {
    const tree = makeInstalled({ zod: "4.0.0", wrangler: "4.0.0" });
    expect((await examine("packages", [], tree)).lines).toEqual([expect.stringMatching(/^ok: 3 packages/)]);
    expect((await examine("wrangler", [], tree)).lines).toEqual([expect.stringMatching(/^ok: wrangler 4\.0\.0/)]);
  });

  it("names what is missing or of another version", async () => {
    const tree = makeInstalled({ wrangler: "3.9.9" });
    const { code, lines } = await examine("packages", [], tree);
    expect([code, lines]).toEqual([
      1,
      [
        expect.stringMatching(
          /^failed: .*: zod \(missing instead of 4\.0\.0\), wrangler \(3\.9\.9 .*\)\. → Run `npm ci`\./,
        ),
      ],
    ]);
    expect((await examine("wrangler", [], tree)).lines).toEqual([
      expect.stringMatching(/^failed: wrangler 3\.9\.9 .*4\.0\.0/),
    ]);
    expect((await examine("wrangler", [], makeInstalled({}))).lines).toEqual([
      expect.stringMatching(/^failed: .*not installed/),
    ]);
  });

  it("notices a lock of another package.json, and one that can't be read", async () => {
    const other = makeInstalled({}, { ...manifest.devDependencies, zod: "3.0.0" });
    expect((await examine("packages", [], other)).lines).toEqual([
      expect.stringMatching(/^failed: .*not the one of package\.json/),
    ]);
    expect((await examine("packages", [], makeTree())).lines).toEqual([
      expect.stringMatching(/^failed: .*can't be read/),
    ]);
  });

  it("names three of many, and says how many more there are", async () => {
    const names = ["one", "two", "three", "four", "five"];
    const tree = makeTree();
    const packages = Object.fromEntries(names.map((name) => [`node_modules/${name}`, { version: "1.0.0" }]));
    writeFileSync(join(tree.root, "package.json"), "{}");
    writeFileSync(join(tree.root, "package-lock.json"), JSON.stringify({ packages }));
    expect((await examine("packages", [], tree)).lines).toEqual([
      expect.stringMatching(/: one \(missing instead of 1\.0\.0\), two \(.*\), three \(.*\), and 2 more\. → /),
    ]);
  });

  it("does not take a folder without package.json for a checkout", async () => {
    expect((await examine("wrangler", [], makeTree())).lines).toEqual([
      expect.stringMatching(/^failed: wrangler is not installed\. .* → Run `npm ci`/),
    ]);
    expect((await examine("node", [], makeTree())).lines).toEqual([
      expect.stringMatching(/^warning: This is Node .* → Run `npm ci`/),
    ]);
  });

  it("compares Node with the one that package.json pins", async () => {
    const { checkNode } = await import("../../src/commands/doctor/toolchain.ts");
    const tree = makeInstalled({});
    const statuses = ["24.21.0", "24.3.0", "22.12.0"].map((version) => checkNode({ world: tree }, version).status);
    expect(statuses).toEqual(["ok", "warning", "failed"]);
  });
});

describe("The doctor's check of the configuration", () => {
  it("names every fault, also those that the service finds only after the first are mended", async () => {
    const vars =
      "ENVIRONMENT=development\nAUTH_SECRET=short\nSCRYPT_LN=99\nMAIL_TRANSPORT=smtp\nSMTP_USER=me\nMAIL_FORM=x\n";
    const { code, findings } = await examine("configuration", [], makeConfigured(undefined, vars));
    expect(code).toBe(1);
    const failures = findings.filter(({ status }) => status === "failed").map(({ message }) => message);
    expect(failures.map((message) => message.split(" ")[0])).toEqual([
      "AUTH_SECRET",
      "SCRYPT_LN",
      "MAIL_FROM",
      "SMTP_HOST",
      "SMTP_USER",
    ]);
    expect(findings.at(-1)).toMatchObject({
      status: "warning",
      message: expect.stringContaining("MAIL_FORM is not a variable"),
    });
    expect(JSON.stringify(findings)).not.toContain("short");
  });

  it("warns of secrets that others can read", async () => {
    const tree = makeConfigured((toml) => toml.replace("[vars]", `[vars]\nRESEND_API_KEY = "re_123456"`));
    chmodSync(join(tree.root, ".dev.vars"), 0o644);
    const { lines } = await examine("configuration", [], tree);
    expect(lines).toEqual([
      expect.stringMatching(/^failed: RESEND_API_KEY is a secret, and wrangler\.toml shows it/),
      expect.stringMatching(/^warning: .*\.dev\.vars.*chmod 600/),
    ]);
    expect(lines.join()).not.toContain("re_123456");
  });

  it("knows of a deployed service the names of its secrets", async () => {
    const script = `process.stdout.write(JSON.stringify([{ name: "AUTH_SECRET" }]));`;
    const production = (more: string) => (toml: string) =>
      toml
        .replaceAll(/^(PUBLIC_URL|MAIL_\w+) = .*$/gm, "")
        .replace("[vars]", `[vars]\nPUBLIC_URL = "https://auth.example.com"\nMAIL_FROM = "a@example.com"\n${more}`);
    const complete = makeConfigured(production(`MAIL_TRANSPORT = "cloudflare"`), "", script);
    expect((await examine("configuration", ["--remote"], complete)).lines).toEqual([
      expect.stringMatching(/^ok: .*Of secrets only the names/),
    ]);
    expect(complete.calls()).toContainEqual(["secret", "list", "--format=json"]);
    const incomplete = makeConfigured(production(`MAIL_TRANSPORT = "resend"`), "", script);
    expect((await examine("configuration", ["--remote"], incomplete)).lines).toEqual([
      expect.stringMatching(/^failed: RESEND_API_KEY is missing/),
    ]);
  });

  it("names of a wrong ENVIRONMENT nothing else: on it depends what is needed", async () => {
    const { findings } = await examine("configuration", [], makeConfigured(undefined, `${DEV_VARS}ENVIRONMENT=test\n`));
    expect(findings.map(({ message }) => message)).toEqual([expect.stringMatching(/^ENVIRONMENT /)]);
  });

  it("waits for .dev.vars where there is none yet", async () => {
    const tree = makeConfigured();
    rmSync(join(tree.root, ".dev.vars"));
    expect((await examine("configuration", [], tree)).lines).toEqual([
      expect.stringMatching(/^skipped: There is no \.dev\.vars yet\. → `npm run dev` makes it\./),
    ]);
  });

  it("takes for secrets what docs/configuration.md marks as such", () => {
    const marked = [...readPage("docs/configuration.md").matchAll(/^\| `([A-Z_]+)` \* \|/gm)].map(([, name]) => name);
    expect([...SECRET_VARIABLES].toSorted()).toEqual(marked.toSorted());
  });
});

describe("The doctor's check of the bindings", () => {
  it.each([
    ["USER_SESSIONS", /\n\s*\{ name = "USER_SESSIONS".*\n/, /The binding USER_SESSIONS is missing/],
    ["a class", /"LoginGuard"\]\n/, /No migration of Durable Objects makes the class LoginGuard/, '"Other"]\n'],
    ["the cron trigger", /crons = .*/, /No cron trigger is set/, "crons = []"],
    ["a consumer", /\[\[queues\.consumers\]\]\nqueue = "postern-mail"[^[]*/, /Nothing consumes the queue postern-mail/],
    ["a dead-letter queue", /dead_letter_queue = "postern-audit-dead"/, /postern-audit has no dead-letter queue/],
    [
      "the right dead-letter queue",
      /dead_letter_queue = "postern-mail-dead"/,
      /MAIL_DEAD_LETTERS is not the dead-letter queue/,
      'dead_letter_queue = "another"',
    ],
    ["the word audit", /"postern-audit"/g, /would take postern-log for the other queue/, '"postern-log"'],
  ])("fails where wrangler.toml lacks %s", async (_, pattern, words, replacement = "\n") => {
    const { code, findings } = await examine(
      "bindings",
      [],
      makeConfigured((toml) => toml.replace(pattern, replacement)),
    );
    expect([code, findings]).toEqual([
      1,
      [expect.objectContaining({ status: "failed", message: expect.stringMatching(words) })],
    ]);
  });

  it("fails where a deployment has no ids, or a transport no binding", async () => {
    const { lines } = await examine("bindings", ["--remote"], makeConfigured());
    expect(lines).toEqual([
      expect.stringMatching(/^failed: The D1 database DB has no id/),
      expect.stringMatching(/^failed: The KV namespace REVOCATIONS has no id/),
    ]);
    const withoutBinding = makeConfigured(undefined, `${DEV_VARS}MAIL_TRANSPORT=cloudflare\nMAIL_FROM=a@example.com\n`);
    expect((await examine("bindings", [], withoutBinding)).lines).toEqual([
      expect.stringMatching(/^failed: MAIL_TRANSPORT=cloudflare needs a binding/),
    ]);
  });

  it("accepts a deployment with ids and later migrations, and asks for --remote of an address", async () => {
    const deployed = makeConfigured((toml) =>
      toml
        .replace(/"[0-]{36}"/, '"3f1c7a52-9f0e-4a53-8d55-1c1f0f0a7b11"')
        .replace(/"0{32}"/, '"0f2ac74b498b48028cb68387c421e279"')
        .concat('\n[[migrations]]\ntag = "later"\ndeleted_classes = ["Former"]\n'),
    );
    expect((await examine("bindings", ["--remote"], deployed)).lines).toEqual([
      expect.stringMatching(/^ok: postern has all \d+ bindings, the queues' consumers and the cron trigger\./),
    ]);
    expect((await examine("bindings", ["--url", "https://auth.example.com"], deployed)).lines).toEqual([
      expect.stringMatching(/^skipped: HTTP does not show the bindings\. → .*`readiness`/),
    ]);
  });

  it("names every queue where wrangler.toml has none", async () => {
    const { lines } = await examine("bindings", [], makeConfigured(withoutQueues));
    expect(lines).toEqual(
      ["MAIL_QUEUE", "MAIL_DEAD_LETTERS", "AUDIT_QUEUE"].map((name) =>
        expect.stringMatching(`^failed: The binding ${name} is missing\\. → Add \\[\\[queues\\.producers\\]\\]`),
      ),
    );
  });

  it("says where wrangler.toml can't be read", async () => {
    const { code, lines } = await examine(
      "bindings",
      [],
      makeConfigured(() => "name = "),
    );
    expect([code, lines]).toEqual([1, [expect.stringMatching(/^failed: The configuration can't be read/)]]);
  });
});

describe("The doctor's checks of the database", () => {
  let database: LocalDatabase;
  beforeAll(async () => {
    database = await makeLocalDatabase();
  });

  function makeWithDatabase() {
    const tree = makeTree(undefined, [], database);
    copyFileSync(join(TREE, "wrangler.toml"), join(tree.root, "wrangler.toml"));
    writeFileSync(join(tree.root, ".dev.vars"), DEV_VARS, { mode: 0o600 });
    return tree;
  }
  const look = (check: string) => examine(check, [database.flag], makeWithDatabase());

  it("names pending migrations", async () => {
    // Restores the state before the first migration.
    database.change("DROP TABLE d1_migrations");
    expect((await look("migrations")).lines).toEqual([
      expect.stringContaining(`failed: ${MIGRATIONS.length} migrations not applied`),
    ]);
    database.change("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT)");
    for (const name of MIGRATIONS.slice(1)) database.change(`INSERT INTO d1_migrations (name) VALUES ('${name}')`);
    const { code, lines } = await look("migrations");
    expect([code, lines]).toEqual([
      1,
      [expect.stringContaining(`failed: 1 migration not applied: ${MIGRATIONS[0]}. → \`npm run dev\``)],
    ]);
    database.change(`INSERT INTO d1_migrations (name) VALUES ('${MIGRATIONS[0]}')`);
    expect((await look("migrations")).lines).toEqual([expect.stringMatching(/^ok: All \d+ migrations are applied/)]);
  });

  it("tells where there is no database yet, and where it can't be opened", async () => {
    const { code, lines } = await examine("migrations", [], makeTree());
    expect([code, lines]).toEqual([0, [expect.stringMatching(/^skipped: There is no local database .*npm run dev/)]]);
    const { lines: broken } = await examine("migrations", [database.flag], makeTree());
    expect(broken).toEqual([expect.stringMatching(/^failed: The database can't be opened/)]);
  });

  it("counts the follow-ups that wait, and warns where they wait for long", async () => {
    expect((await look("follow-ups")).lines).toEqual([expect.stringMatching(/^ok: No change/)]);
    database.change(`INSERT INTO follow_ups VALUES ('one', 'mail', '{}', ${Date.now()}, 0)`);
    expect((await look("follow-ups")).lines).toEqual([expect.stringMatching(/^ok: 1 follow-up /)]);
    database.change("INSERT INTO follow_ups VALUES ('two', 'mail', '{}', 1700000000000, 3)");
    expect((await look("follow-ups")).lines).toEqual([
      expect.stringMatching(/^warning: 2 follow-ups .* since 2023-.*scheduled/),
    ]);
  });
});

describe("The doctor's checks of a database for audit events", () => {
  let database: LocalDatabase;
  beforeAll(async () => {
    database = await makeLocalDatabase({ hasArchive: true });
  });

  function look(check: string, own: Pick<LocalDatabase, "DB" | "AUDIT_DB"> = database) {
    const tree = makeTree(undefined, [], own);
    writeFileSync(join(tree.root, "wrangler.toml"), bindArchive(readFileSync(join(TREE, "wrangler.toml"), "utf8")));
    return examine(check, [database.flag], tree);
  }
  /** A database that reports this size in bytes. */
  const sized = (d1: D1Database, bytes: number) => {
    const wrap = (statement: D1PreparedStatement): D1PreparedStatement =>
      ({
        bind: (...values: unknown[]) => wrap(statement.bind(...values)),
        raw: () => statement.raw(),
        all: () => statement.all(),
        run: async () => ({ ...(await statement.run()), meta: { size_after: bytes } }),
      }) as unknown as D1PreparedStatement;
    return { prepare: (query: string) => wrap(d1.prepare(query)) } as D1Database;
  };

  it("name its pending migrations too", async () => {
    await database.AUDIT_DB?.prepare("DELETE FROM d1_migrations").run();
    expect((await look("migrations")).lines).toEqual([
      expect.stringMatching(/^failed: 1 migration not applied: audit\/0000_archived-events\.sql\. → `npm run dev`/),
    ]);
    for (const name of ARCHIVE_MIGRATIONS)
      await database.AUDIT_DB?.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name).run();
    expect((await look("migrations")).lines).toEqual([expect.stringMatching(/^ok: /)]);
  });

  it("count the events that wait to be moved there, without those that stay", async () => {
    const { DB } = database;
    expect((await look("audit-events", { DB, AUDIT_DB: undefined })).lines).toEqual([
      expect.stringMatching(/^ok: Audit events are in the database of the users/),
    ]);
    expect((await look("audit-events")).lines).toEqual([expect.stringMatching(/^ok: No audit event waits/)]);
    const add = (time: number, type: string, count = 1) =>
      database.change(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
         INSERT INTO audit_events (id, type, occurred_at) SELECT '${earliestId(time).slice(0, 24)}' || printf('%012d', i), '${type}', ${time} FROM n`,
      );
    add(Date.parse("2023-01-01"), "account_imported");
    add(Date.now(), "login_succeeded", 2);
    expect((await look("audit-events")).lines).toEqual([expect.stringMatching(/^ok: 2 audit events to be moved/)]);
    add(Date.parse("2024-05-01"), "logged_out", 10_001);
    expect((await look("audit-events")).lines).toEqual([
      expect.stringMatching(/^warning: More than 10000 audit events .* the oldest from 2024-05-01.*scheduled/),
    ]);
  });

  it("warn when a database is nearly full", async () => {
    const { DB, AUDIT_DB = DB } = database;
    expect((await look("database-size")).lines).toEqual([
      expect.stringMatching(/^ok: DB takes 0\.00 GB, AUDIT_DB takes 0\.00 GB of 10 GB/),
    ]);
    for (const [own, archive] of [
      [8.1e9, 1e9],
      [1e9, 9e9],
    ] as const) {
      const full = { DB: sized(DB, own), AUDIT_DB: sized(AUDIT_DB, archive) };
      expect((await look("database-size", full)).lines).toEqual([
        expect.stringMatching(/^warning: .* of 10 GB\. → AUDIT_DB: lower AUDIT_RETENTION_DAYS/),
      ]);
    }
    expect((await look("database-size", { DB: sized(DB, 8.1e9), AUDIT_DB: undefined })).lines).toEqual([
      expect.stringMatching(/^warning: .* of 10 GB\. → .* give events a database of their own/),
    ]);
  });

  it("notice that it has no id yet, or that of the users' database", async () => {
    const bound = (id: string) => (toml: string) =>
      bindArchive(toml)
        .replace(/database_id = "0[^"]*"/, 'database_id = "11111111-1111-4111-8111-111111111111"')
        .replace('binding = "AUDIT_DB"', `binding = "AUDIT_DB"\ndatabase_id = "${id}"`);
    const lines = async (id: string) => (await examine("bindings", ["--remote"], makeConfigured(bound(id)))).lines;
    expect(await lines("00000000-0000-0000-0000-000000000000")).toContainEqual(
      expect.stringMatching(/^failed: The D1 database AUDIT_DB has no id yet/),
    );
    expect(await lines("11111111-1111-4111-8111-111111111111")).toContainEqual(
      expect.stringMatching(/^failed: AUDIT_DB and DB are the same database/),
    );
  });
});

describe("The doctor's check of the dead-letter queues", () => {
  const login = `process.stdout.write(JSON.stringify({ type: "api_token", token: "a-token" }));`;

  async function startApi(depths: Record<string, number>, status = 200) {
    const server = createServer((request, response) => {
      const path = (request.url ?? "").replace(/\?.*$/, "");
      const id = /\/queues\/([\w-]+)\/metrics$/.exec(path)?.[1];
      const queues = Object.keys(depths).map((name) => ({ queue_id: name, queue_name: name }));
      const result = path.endsWith("/accounts")
        ? [{ id: "1", name: "one" }]
        : id === undefined
          ? queues
          : { backlog_count: depths[id] };
      const isKnown = request.headers.authorization === "Bearer a-token";
      response.writeHead(isKnown ? status : 401).end(JSON.stringify({ success: status === 200, errors: [], result }));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    onTestFinished(() => void server.close());
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => void vi.unstubAllEnvs());
  }

  it("counts their messages, and names a queue that is missing", async () => {
    await startApi({ "postern-mail-dead": 2, "postern-audit-dead": 0 });
    expect((await examine("dead-letters", ["--remote"], makeConfigured(undefined, "", login))).lines).toEqual([
      expect.stringMatching(/^warning: postern-mail-dead holds about 2 messages/),
      expect.stringMatching(/^ok: postern-audit-dead is empty/),
    ]);
    await startApi({ "postern-mail-dead": 0 });
    const { code, lines } = await examine("dead-letters", ["--remote"], makeConfigured(undefined, "", login));
    expect([code, lines.at(1)]).toEqual([1, expect.stringMatching(/^failed: There is no queue postern-audit-dead/)]);
  });

  it("asks for none that wrangler.toml does not name", async () => {
    await startApi({ "postern-mail-dead": 0 });
    const withoutOne = (toml: string) => toml.replace('dead_letter_queue = "postern-audit-dead"', "");
    expect((await examine("dead-letters", ["--remote"], makeConfigured(withoutOne, "", login))).lines).toEqual([
      expect.stringMatching(/^ok: postern-mail-dead is empty/),
    ]);
    expect((await examine("dead-letters", ["--remote"], makeConfigured(withoutQueues, "", login))).lines).toEqual([]);
  });

  it("says why it could not ask", async () => {
    await startApi({}, 403);
    expect((await examine("dead-letters", ["--remote"], makeConfigured(undefined, "", login))).lines).toEqual([
      expect.stringMatching(/^skipped: Cloudflare refused .* → The login must be allowed/s),
    ]);
    expect(
      (await examine("dead-letters", ["--remote"], makeConfigured(undefined, "", "process.exit(1)"))).lines,
    ).toEqual([expect.stringMatching(/^skipped: You are not logged in to Cloudflare/)]);
    expect((await examine("dead-letters", [], makeConfigured())).lines).toEqual([
      expect.stringMatching(/^skipped: .*npm run dev/),
    ]);
  });
});
