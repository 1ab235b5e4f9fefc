/** The checks of `npm run doctor` that ask this machine and the database, on set-ups with one thing wrong. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { SECRET_VARIABLES } from "../../src/config/settings.ts";
import { MIGRATIONS } from "../../src/db/migrations.ts";
import { createKeyRow } from "../../src/keys/sealed-key.ts";
import { DAY } from "../../src/platform/clock.ts";
import { createSecrets } from "../../src/platform/crypto.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { examine } from "./doctoring.ts";
import { type LocalDatabase, makeLocalDatabase } from "./local-database.ts";
import { readPage } from "./markdown.ts";
import { makeTree } from "./stand-in.ts";
import { TREE } from "./tree-files.ts";

const SECRET = "kPz2mJu6gLs9dFa4iTqRvBHt5Xo1bQy8cNw3kVe7r";
const DEV_VARS = `ENVIRONMENT=development\nAUTH_SECRET=${SECRET}\n`;

/** A tree with the configuration of this one, after a change of its text. */
function makeConfigured(change: (toml: string) => string = (toml) => toml, vars = DEV_VARS, script?: string) {
  const tree = makeTree(script);
  writeFileSync(join(tree.root, "wrangler.toml"), change(readFileSync(join(TREE, "wrangler.toml"), "utf8")));
  writeFileSync(join(tree.root, ".dev.vars"), vars, { mode: 0o600 });
  return tree;
}

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

  it("judges the age and the seal of the newest signing key", async () => {
    expect((await look("signing-keys")).lines).toEqual([expect.stringMatching(/^ok: There is no signing key yet/)]);
    const now = Date.now();
    const seal = async (sequence: number, secret: string, signsFrom: number) => {
      const secrets = createSecrets(secret);
      const row = await createKeyRow({
        sequence,
        algorithm: "ES256",
        signsFrom,
        signingPeriod: 30 * DAY,
        secrets,
        now,
        random: systemRandom,
      });
      const names = [
        "sequence",
        "id",
        "algorithm",
        "public_jwk",
        "sealed_private_jwk",
        "created_at",
        "signs_from",
        "rotates_at",
      ];
      const { sequence: at, id, algorithm, publicJwk, sealedPrivateJwk, createdAt, rotatesAt } = row;
      const values = [at, id, algorithm, publicJwk, sealedPrivateJwk, createdAt, signsFrom, rotatesAt];
      const marks = names.map(() => "?").join();
      await database.DB.prepare(`INSERT INTO signing_keys (${names.join()}) VALUES (${marks})`)
        .bind(...values)
        .run();
    };
    await seal(1, SECRET, now - 40 * DAY);
    expect((await look("signing-keys")).lines).toEqual([
      expect.stringMatching(/^warning: .* has signed for 40 days, and should have a successor since .*scheduled/),
    ]);
    await seal(2, SECRET, now - 3 * DAY);
    expect((await look("signing-keys")).lines).toEqual([
      expect.stringMatching(/^ok: .* has signed for 3 days; its successor is due on /),
    ]);
    await seal(3, "another secret, with which a key was sealed", now - DAY);
    const { code, lines } = await look("signing-keys");
    expect([code, lines.at(1)]).toEqual([
      1,
      expect.stringMatching(/^failed: AUTH_SECRET does not open the newest signing key/),
    ]);
    database.change("UPDATE signing_keys SET revoked_at = 1");
    expect((await look("signing-keys")).lines).toEqual([
      expect.stringMatching(/^warning: Every signing key is revoked/),
    ]);
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

describe("The doctor's check of the email transport", () => {
  async function startSmtp(options: SMTPServerOptions): Promise<{ port: number; mails: string[] }> {
    const mails: string[] = [];
    const server = new SMTPServer({
      closeTimeout: 100,
      ...options,
      onAuth({ password }, _, callback) {
        if (password === "right") callback(null, { user: "me" });
        else callback(new Error("no"));
      },
      onRcptTo({ address }, _, callback) {
        mails.push(address);
        callback();
      },
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    onTestFinished(() => new Promise<void>((done) => server.close(() => done())));
    return { port: (server.server.address() as AddressInfo).port, mails };
  }

  const smtpVars = (port: number, password: string, tls = "none") =>
    makeConfigured(
      undefined,
      `${DEV_VARS}MAIL_TRANSPORT=smtp\nMAIL_FROM=a@example.com\nSMTP_HOST=127.0.0.1\nSMTP_PORT=${port}\nSMTP_USER=me\nSMTP_PASSWORD=${password}\nSMTP_TLS=${tls}\n`,
    );
  const open: SMTPServerOptions = { disabledCommands: ["STARTTLS"], allowInsecureAuth: true };

  it("logs in to the SMTP server without sending, and sends with --mail", async () => {
    const { port, mails } = await startSmtp(open);
    expect((await examine("email-transport", [], smtpVars(port, "right"))).lines).toEqual([
      expect.stringMatching(/^ok: 127\.0\.0\.1:\d+ answers .* and accepts the login/),
    ]);
    expect(mails).toEqual([]);
    const { lines } = await examine("email-arrival", ["--mail", "you@example.com"], smtpVars(port, "right"));
    expect(lines).toEqual([expect.stringMatching(/^ok: The server has accepted a test email to you@example\.com/)]);
    expect(mails).toEqual(["you@example.com"]);
  });

  it("says what is wrong with the login, the encryption or the address", async () => {
    const { port } = await startSmtp(open);
    const wrong = await examine("email-transport", [], smtpVars(port, "a-wrong-password"));
    expect([wrong.code, wrong.lines]).toEqual([
      1,
      [expect.stringMatching(/^failed: .*smtp_auth\. → .*SMTP_USER and SMTP_PASSWORD/)],
    ]);
    expect(wrong.lines.join()).not.toContain("a-wrong-password");
    expect((await examine("email-transport", [], smtpVars(port, "right", "starttls"))).lines).toEqual([
      expect.stringMatching(/^failed: .*smtp_tls_required\. → .*465/),
    ]);
    expect((await examine("email-transport", [], smtpVars(1, "right"))).lines).toEqual([
      expect.stringMatching(/^failed: .*smtp_connection\. → .*SMTP_HOST/),
    ]);
    const { lines } = await examine("email-arrival", ["--mail", "you@example.com"], smtpVars(1, "right"));
    expect(lines).toEqual([expect.stringMatching(/^failed: The test email was not accepted: smtp_connection/)]);
  });

  it.each([
    [
      "a full key with a verified domain",
      200,
      { data: [{ name: "example.com", status: "verified" }] },
      /^ok: .*has verified example\.com/,
    ],
    [
      "a domain that is not verified",
      200,
      { data: [{ name: "example.com", status: "pending" }] },
      /^warning: .*example\.com\. → .*DNS/,
    ],
    ["a key that may only send", 401, { name: "restricted_api_key" }, /^ok: .*may only send/],
    ["a wrong key", 400, { name: "validation_error" }, /^failed: Resend refuses the API key \(status 400\)/],
    ["a failure of Resend's", 500, {}, /^failed: Resend has a failure/],
  ])("understands Resend's answer to %s", async (_, status, body, words) => {
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
      if (String(input) === "https://api.resend.com/domains") return Response.json(body, { status });
      throw new TypeError("not reachable");
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const tree = makeConfigured(
      undefined,
      `${DEV_VARS}MAIL_TRANSPORT=resend\nMAIL_FROM=a@example.com\nRESEND_API_KEY=re_1234\n`,
    );
    const { lines } = await examine("email-transport", [], tree);
    expect(lines).toEqual([expect.stringMatching(words)]);
    expect(lines.join()).not.toContain("re_1234");
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
