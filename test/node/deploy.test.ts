/** `npm run deploy`, against a stand-in for Cloudflare's API and a real Postern on this machine. */
import { cpSync, existsSync, globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import * as z from "zod";
import { type OpenDatabases, openD1 } from "../../src/commands/d1.ts";
import { openCloudflare, readLogin } from "../../src/commands/deploy/cloudflare.ts";
import type { Outside } from "../../src/commands/deploy/setting.ts";
import { deploy } from "../../src/commands/deploy.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { VERSION } from "../../src/version.ts";
import { ACCOUNT, type Cloudflare, startCloudflare, TOKEN } from "./cloudflare-stand-in.ts";
import * as prepared from "./deploy-checkout.ts";
import { ANSWERS, CANNED, give, VALUES, type Wish } from "./deploy-checkout.ts";
import { useClone, useService } from "./live-service.ts";

const ROOT = resolve(import.meta.dirname, "../..");
// Not the shared service: while these tests write to its database, it would answer other tests with 503.
const service = useService(["RATE_LIMITING:off"]);
let database: OpenDatabases;
let cloud: Cloudflare;

beforeAll(async () => {
  database = await openD1({ remote: false, persistTo: service.state }, ROOT);
});
afterAll(() => database.dispose());
afterEach(() => {
  vi.unstubAllEnvs();
});
beforeEach(async () => {
  cloud = await startCloudflare();
  onTestFinished(() => cloud.close());
  vi.stubEnv("CLOUDFLARE_API_BASE_URL", cloud.base);
  vi.stubEnv("CLOUDFLARE_API_TOKEN", undefined);
  vi.stubEnv("CLOUDFLARE_ACCOUNT_ID", undefined);
});

/** Every public address leads to the service on this machine. */
const OUTSIDE: Outside = {
  fetch: (url, request) => fetch(url.replace(/^https:\/\/[^/]+/, service.origin), request),
  pause: async () => {},
  random: systemRandom,
};

const makeCheckout = (wish: Wish = {}) => prepared.makeCheckout({ database, outside: OUTSIDE, ...wish });

const leftAccounts = async () =>
  (await database.DB.prepare("SELECT id FROM users WHERE email LIKE '%@postern.invalid'").all()).results;

describe("npm run deploy", () => {
  it("takes an empty account to a running service, and asks for what only the operator knows", async () => {
    const checkout = makeCheckout({ answers: ANSWERS });
    const code = await checkout.run();
    expect(code, checkout.complained()).toBe(0);

    expect(cloud.databases.map(({ name }) => name)).toEqual(["postern"]);
    expect(cloud.namespaces.map(({ title }) => title)).toEqual(["postern-revocations"]);
    expect(cloud.queues.map(({ queue_name }) => queue_name).toSorted()).toEqual([
      "postern-audit",
      "postern-audit-dead",
      "postern-mail",
      "postern-mail-dead",
    ]);
    const secret = checkout.read("production-auth-secret.txt").trim();
    expect(Object.fromEntries(cloud.workers.get("postern") ?? [])).toEqual({
      AUTH_SECRET: secret,
      RESEND_API_KEY: "re_123456789",
    });
    const bound = cloud.uploads[0]?.bindings.find(({ name }) => name === "PUBLIC_URL");
    expect(bound?.text).toBe("https://postern.example.workers.dev");
    expect(await leftAccounts()).toEqual([]);

    const file = checkout.read("production.toml");
    expect(file).toContain(`account_id = "${ACCOUNT}"`);
    expect(file).toContain('MAIL_FROM = "Example <no-reply@example.com>"');
    expect(file).toContain(`database_id = "${cloud.databases[0]?.uuid}"`);
    expect(file).toContain(`id = "${cloud.namespaces[0]?.id}"`);
    expect(file).not.toContain("re_123456789");
    const told = checkout.said() + checkout.complained() + JSON.stringify(checkout.calls());
    for (const value of [secret, "re_123456789", TOKEN]) expect(told).not.toContain(value);
    expect(statSync(checkout.path("production-auth-secret.txt")).mode & 0o077).toBe(0);
    expect(checkout.said()).toMatch(/Left to do:\n {2}1\. Copy the AUTH_SECRET[\s\S]+SPF, DKIM and DMARC/);
  });

  it("applies migrations before the code that needs them, and does only what is needed when it runs again", async () => {
    const checkout = makeCheckout({ answers: ANSWERS });
    await checkout.run([], CANNED);
    const first = checkout.calls().map(([command]) => command);
    expect(first).toEqual(["auth", "d1", "deploy"]);
    const secrets = new Map(cloud.workers.get("postern"));

    cloud.calls.length = 0;
    expect(await checkout.run(["--yes"], CANNED), checkout.complained()).toBe(0);
    expect(
      checkout
        .calls()
        .slice(3)
        .map(([command]) => command),
    ).toEqual(["auth", "deploy"]);
    expect(cloud.written()).toEqual(["PUT /workers/scripts/postern"]);
    expect(cloud.workers.get("postern")).toEqual(secrets);
    expect(checkout.calls().at(-1)).not.toContain("--secrets-file");

    // The next release has a new migration.
    writeFileSync(join(checkout.root, "migrations", "9999_later.sql"), "CREATE TABLE later (id TEXT);");
    expect(await checkout.run(["--yes"], CANNED)).toBe(0);
    expect(
      checkout
        .calls()
        .slice(5)
        .map(([command]) => command),
    ).toEqual(["auth", "d1", "deploy"]);
    expect(checkout.said()).toContain("applied 9999_later.sql.");
  });

  it("makes the database for audit events and its table where the operator has bound one", async () => {
    const checkout = makeCheckout({ answers: ANSWERS });
    const bound = '[[d1_databases]]\nbinding = "AUDIT_DB"\ndatabase_name = "postern-audit"\n';
    checkout.write("production.toml", bound);
    expect(await checkout.run(["--dry-run"]), checkout.complained()).toBe(0);
    expect(cloud.databases).toEqual([]);
    expect(checkout.said()).toContain("would make postern-audit.");
    expect(checkout.said()).toContain("would apply 0000_archived-events.sql for audit events.");

    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect(cloud.databases.map(({ name }) => name)).toEqual(["postern", "postern-audit"]);
    const [directory, archive] = cloud.databases.map(({ sql }) =>
      sql
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .all()
        .map(({ name }) => name),
    );
    expect(directory).toContain("audit_events");
    expect(directory).not.toContain("archived_events");
    expect(archive?.toSorted()).toEqual(["archived_events", "d1_migrations"]);
    expect(checkout.read("production.toml")).toContain(`database_id = "${cloud.databases[1]?.uuid}"`);
    expect(checkout.said()).toContain("applied 0000_archived-events.sql for audit events.");

    expect(await checkout.run(["--yes"], CANNED), checkout.complained()).toBe(0);
    expect(checkout.said()).toContain("none pending for audit events.");
    expect(cloud.databases).toHaveLength(2);
  });

  it("refuses one database for both users and audit events", async () => {
    const checkout = makeCheckout({ answers: ANSWERS });
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    const id = cloud.databases[0]?.uuid;
    const both = `[[d1_databases]]\nbinding = "AUDIT_DB"\ndatabase_name = "postern"\ndatabase_id = "${id}"\n`;
    checkout.write("production.toml", `${checkout.read("production.toml")}\n${both}`);
    expect(await checkout.run(["--yes"], CANNED)).toBe(1);
    expect(checkout.complained()).toContain("AUDIT_DB and DB are the same database");
  });

  it("shows every step with --dry-run, and calls nothing that writes", async () => {
    const checkout = makeCheckout({ answers: ["unasked"] });
    expect(await checkout.run(["--dry-run"]), checkout.complained()).toBe(0);
    expect(cloud.written()).toEqual([]);
    expect(checkout.asked).toEqual([]);
    expect(existsSync(join(checkout.root, "deployments"))).toBe(false);
    expect(existsSync(join(checkout.root, ".wrangler"))).toBe(false);
    const steps = ["Account", "Environment", "Settings", "Database", "KV", "Queues", "Secrets", "Migrations", "Worker"];
    for (const step of steps) expect(checkout.said()).toContain(`\n${step}`.replace("\nAccount", "Account"));
    expect(checkout.said()).toContain("`npm run deploy` asks for MAIL_TRANSPORT, MAIL_FROM.");

    give(VALUES);
    expect(await checkout.run(["--dry-run"])).toBe(0);
    expect(checkout.said()).toContain("Smoke test   would log in");
    expect(cloud.written()).toEqual([]);
  });

  it("asks nothing without a terminal: it takes values from the environment and names what is missing", async () => {
    const checkout = makeCheckout();
    expect(await checkout.run()).toBe(1);
    expect(checkout.complained()).toMatch(/MAIL_TRANSPORT is missing: put it under \[vars\] in .+production\.toml/);
    expect(cloud.written()).toEqual([]);

    expect(checkout.complained()).toContain("AUTH_SECRET is missing. Cloudflare never shows a secret again");
    give({ ...VALUES, RESEND_API_KEY: "" });
    expect(await checkout.run()).toBe(1);
    expect(checkout.complained()).toContain("RESEND_API_KEY is missing: set the environment variable.");
    const { AUTH_SECRET } = VALUES;
    give(VALUES);
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect(cloud.workers.get("postern")?.get("AUTH_SECRET")).toBe(AUTH_SECRET);
    expect(checkout.asked).toEqual([]);
  });

  it("never replaces an AUTH_SECRET that is set", async () => {
    give(VALUES);
    cloud.workers.set("postern", new Map([["AUTH_SECRET", "the-one-in-use"]]));
    const checkout = makeCheckout();
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect(cloud.workers.get("postern")?.get("AUTH_SECRET")).toBe("the-one-in-use");
    expect(checkout.said()).toContain("found AUTH_SECRET; sets RESEND_API_KEY");
  });

  it("asks again when the service would refuse an answer, and keeps each answer at once", async () => {
    const answers = ["http://auth.example.com", "", "Example", "outbox", "smtp", "nobody", "no-reply@example.com"];
    const checkout = makeCheckout({ answers: [...answers, "smtp.example.com", "99999", "465", "", "ada"] });
    expect(await checkout.run()).toBe(1);
    expect(checkout.said()).toContain("PUBLIC_URL takes an https URL outside development.");
    expect(checkout.said()).toContain("MAIL_TRANSPORT=outbox is for development only.");
    expect(checkout.said()).toContain("MAIL_FROM takes an address");
    expect(checkout.said()).toContain("SMTP_PORT takes a whole number");
    expect(checkout.complained()).toContain("Stopped at a question.");
    const file = checkout.read("production.toml");
    for (const line of ['SMTP_PORT = "465"', 'SMTP_TLS = "implicit"', 'SMTP_USER = "ada"'])
      expect(file).toContain(line);

    // The next run asks only for the password.
    const { root } = checkout;
    const next = makeCheckout({ answers: ["hunter2hunter2", "y"] });
    cpSync(join(root, "deployments"), join(next.root, "deployments"), { recursive: true });
    expect(await next.run([], CANNED), next.complained()).toBe(0);
    expect(next.asked[0]).toBe("SMTP_PASSWORD: known-secret");
    expect(next.asked).toHaveLength(2);
    expect(cloud.workers.get("postern")?.get("SMTP_PASSWORD")).toBe("hunter2hunter2");
  });

  it("says where a file is wrong, and what to add where it can't change one", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    checkout.write("production.toml", "[vars]\nPUBLIC_URL = \n");
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toMatch(/production\.toml is not valid TOML: line 2: /);
    checkout.write("production.toml", "name = 7\n");
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toMatch(/production\.toml has a wrong value:[\s\S]+→ at name/);
    const own = 'd1_databases = [{ binding = "DB", database_name = "mine" }]\n';
    checkout.write("production.toml", own);
    expect(await checkout.run([], CANNED)).toBe(1);
    const uuid = cloud.databases[0]?.uuid;
    expect(checkout.complained()).toContain(`Add this to it yourself:\n\n[[d1_databases]]\nbinding = "DB"`);
    expect(checkout.read("production.toml")).toContain(own);
    checkout.write("production.toml", own.replace(" }", `, database_id = "${uuid}" }`));
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect(cloud.databases.map(({ name }) => name)).toEqual(["mine"]);
  });

  it("refuses a secret in a file", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    checkout.write("production.toml", '[vars]\nSMTP_PASSWORD = "hunter2"\n');
    expect(await checkout.run()).toBe(1);
    expect(checkout.complained()).toMatch(/SMTP_PASSWORD must not be in .+production\.toml/);
    expect(checkout.complained()).not.toContain("hunter2");
    expect(cloud.written()).toEqual([]);
  });

  it("deploys nothing when the operator says no", async () => {
    const checkout = makeCheckout({ answers: [...ANSWERS.slice(0, -1), "n"] });
    expect(await checkout.run()).toBe(0);
    expect(cloud.written()).toEqual([]);
  });

  it("explains --help, and refuses what it does not understand", async () => {
    const checkout = makeCheckout();
    expect(await checkout.run(["--help"])).toBe(0);
    expect(await checkout.run(["--env", "Audit"])).toBe(2);
    expect(await checkout.run(["--stagging"])).toBe(2);
    expect(cloud.calls).toEqual([]);
  });

  it("says how to log in", async () => {
    const checkout = makeCheckout({ answers: [] });
    vi.stubEnv("NOT_LOGGED_IN", "1");
    expect(await checkout.run()).toBe(1);
    expect(checkout.complained()).toContain("Run `npx wrangler login`");
  });
});

describe("an environment", () => {
  it("has everything of its own, beside production", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect(await checkout.run(["--env", "staging"], CANNED), checkout.complained()).toBe(0);
    expect([...cloud.workers.keys()]).toEqual(["postern", "postern-staging"]);
    expect(cloud.databases.map(({ name }) => name)).toEqual(["postern", "postern-staging"]);
    expect(cloud.namespaces.map(({ title }) => title)).toEqual(["postern-revocations", "postern-staging-revocations"]);
    expect(cloud.queues.map(({ queue_name }) => queue_name)).toContain("postern-audit-dead-staging");
    expect(cloud.queues).toHaveLength(8);

    const configOf = (name: string) =>
      JSON.parse(readFileSync(join(checkout.root, ".wrangler/deployments", `${name}.json`), "utf8"));
    const [production, staging] = [configOf("production"), configOf("staging")];
    expect(production.d1_databases[0].database_id).not.toBe(staging.d1_databases[0].database_id);
    expect(production.kv_namespaces[0].id).not.toBe(staging.kv_namespaces[0].id);
    expect(production.ratelimits[0].namespace_id).not.toBe(staging.ratelimits[0].namespace_id);
    expect(staging.queues.consumers[1]).toMatchObject({
      queue: "postern-audit-staging",
      dead_letter_queue: "postern-audit-dead-staging",
    });
    expect(staging.vars).toEqual({
      ENVIRONMENT: "production",
      PUBLIC_URL: "https://postern-staging.example.workers.dev",
      PRODUCT_NAME: "Postern",
      MAIL_TRANSPORT: "resend",
      MAIL_FROM: "no-reply@example.com",
    });
  });

  it("takes what the operator's file says over wrangler.toml, and leaves the file's own lines as they are", async () => {
    give({ RESEND_API_KEY: VALUES.RESEND_API_KEY, AUTH_SECRET: VALUES.AUTH_SECRET });
    const checkout = makeCheckout();
    const own = `# Mine.
workers_dev = false
routes = [{ pattern = "auth.example.com/*", zone_name = "example.com" }]

[vars]
PUBLIC_URL = "https://auth.example.com" # ours
MAIL_TRANSPORT = "resend"
MAIL_FROM = "no-reply@example.com"
SESSION_MAX_DAYS = 90

[[ratelimits]]
name = "FLOOD_SHIELD"
namespace_id = "77"

[observability]
head_sampling_rate = 0.5
`;
    checkout.write("production.toml", own);
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    const config = JSON.parse(readFileSync(join(checkout.root, ".wrangler/deployments/production.json"), "utf8"));
    expect(config).toMatchObject({
      workers_dev: false,
      routes: [{ pattern: "auth.example.com/*", zone_name: "example.com" }],
      vars: { SESSION_MAX_DAYS: "90", ENVIRONMENT: "production" },
      ratelimits: [{ name: "FLOOD_SHIELD", namespace_id: "77", simple: { limit: 300, period: 10 } }],
      observability: { enabled: true, head_sampling_rate: 0.5 },
    });
    expect(config.d1_databases).toHaveLength(1);
    for (const line of own.trim().split("\n")) expect(checkout.read("production.toml").split("\n")).toContain(line);
  });

  it("uses the ids that Cloudflare's own build wrote into wrangler.toml", async () => {
    give({ ...VALUES, WRANGLER_CI_OVERRIDE_NAME: "my-auth" });
    const checkout = makeCheckout();
    const [id, namespace] = ["11111111-1111-4111-8111-111111111111", "2".repeat(32)];
    const toml = readFileSync(join(checkout.root, "wrangler.toml"), "utf8");
    writeFileSync(
      join(checkout.root, "wrangler.toml"),
      toml.replace("00000000-0000-0000-0000-000000000000", id).replace("0".repeat(32), namespace),
    );
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain(`has no D1 database with the id ${id}`);
    cloud.databases.push({ uuid: id, name: "my-auth-db", sql: new DatabaseSync(":memory:") });
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain(`has no KV namespace with the id ${namespace}`);
    cloud.namespaces.push({ id: namespace, title: "my-auth-kv" });
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect([cloud.databases.length, cloud.namespaces.length]).toEqual([1, 1]);
    expect([...cloud.workers.keys()]).toEqual(["my-auth"]);
    expect(checkout.said()).toContain("found my-auth-db.");
  });

  it("takes over from a Deploy to Cloudflare button: ids and answers in wrangler.toml, the secret on the Worker, and no address", async () => {
    const checkout = makeCheckout();
    const [id, namespace] = ["11111111-1111-4111-8111-111111111111", "2".repeat(32)];
    cloud.databases.push({ uuid: id, name: "my-auth-db", sql: new DatabaseSync(":memory:") });
    cloud.namespaces.push({ id: namespace, title: "my-auth-kv" });
    cloud.workers.set("postern", new Map([["AUTH_SECRET", VALUES.AUTH_SECRET]]));
    const answered = readFileSync(join(checkout.root, "wrangler.toml"), "utf8")
      .replace("00000000-0000-0000-0000-000000000000", id)
      .replace("0".repeat(32), namespace)
      .replace('MAIL_TRANSPORT = ""', 'MAIL_TRANSPORT = "cloudflare"')
      .replace('MAIL_FROM = ""', 'MAIL_FROM = "no-reply@example.com"')
      .replace('FIRST_SUPERUSER_EMAIL = ""', 'FIRST_SUPERUSER_EMAIL = "ada@example.com"');
    writeFileSync(join(checkout.root, "wrangler.toml"), answered);
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    const config = JSON.parse(readFileSync(join(checkout.root, ".wrangler/deployments/production.json"), "utf8"));
    expect(config).toMatchObject({
      d1_databases: [{ database_id: id }],
      kv_namespaces: [{ id: namespace }],
      vars: {
        PUBLIC_URL: "https://postern.example.workers.dev",
        MAIL_TRANSPORT: "cloudflare",
        FIRST_SUPERUSER_EMAIL: "ada@example.com",
      },
    });
    expect(checkout.said()).toContain("found AUTH_SECRET");
    const lines = checkout.said();
    expect(lines.indexOf("Migrations")).toBeLessThan(lines.indexOf("Worker  "));
  });

  it("gets a custom domain and the binding for Cloudflare's emails where its values say so", async () => {
    give({ ...VALUES, PUBLIC_URL: "https://auth.example.com", MAIL_TRANSPORT: "cloudflare" });
    const checkout = makeCheckout();
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain("no domain of this account contains auth.example.com");
    cloud.zones.push({ name: "example.com" });
    cloud.domains.push({ hostname: "auth.example.com", service: "shop" });
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain('the Worker "shop" uses auth.example.com already');
    cloud.domains.length = 0;
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    const config = JSON.parse(readFileSync(join(checkout.root, ".wrangler/deployments/production.json"), "utf8"));
    expect(config).toMatchObject({
      workers_dev: false,
      routes: [{ pattern: "auth.example.com", custom_domain: true }],
      send_email: [{ name: "EMAIL" }],
    });
    // The domain is now attached to the Worker, so the command does not look for the zone again.
    cloud.domains.push({ hostname: "auth.example.com", service: "postern" });
    cloud.zones.length = 0;
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
  });

  it("needs a workers.dev subdomain or a domain, and tells another Worker's address from its own", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    cloud.subdomain = undefined;
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain(`first choose your subdomain: https://dash.cloudflare.com/${ACCOUNT}`);
    give({ PUBLIC_URL: "https://postern.example.workers.dev" });
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain("This account has no workers.dev subdomain yet.");
    cloud.subdomain = "other";
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain("this Worker's is https://postern.other.workers.dev");
  });
});

describe("the Cloudflare account", () => {
  it("is chosen by the operator when the login has several, and written down", async () => {
    cloud.accounts.unshift({ id: "f".repeat(32), name: "Other" });
    give(VALUES);
    const unattended = makeCheckout();
    expect(await unattended.run([], CANNED)).toBe(1);
    expect(unattended.complained()).toContain("This login has several accounts. Set CLOUDFLARE_ACCOUNT_ID");
    const checkout = makeCheckout({ answers: ["7", "2", "", "", "y"] });
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect(checkout.read("production.toml")).toContain(`account_id = "${ACCOUNT}"`);

    const undecided = makeCheckout({ answers: ["7"] });
    expect(await undecided.run()).toBe(1);
    cloud.accounts.length = 0;
    expect(await undecided.run()).toBe(1);
    expect(undecided.complained()).toMatch(/Stopped at a question[\s\S]+This login has no account/);

    // If the operator later logs in to another account, the command must not create a second copy there.
    give({ CLOUDFLARE_ACCOUNT_ID: "f".repeat(32) });
    expect(await checkout.run(["--yes"], CANNED)).toBe(1);
    expect(checkout.complained()).toContain(`this environment was deployed to the account ${ACCOUNT}`);
  });

  it("is reached with a global API key too", async () => {
    const login = readLogin('{"type":"api_key","key":"a-key","email":"ada@example.com"}');
    if (login === undefined) throw new Error("The login was not understood.");
    await expect(
      openCloudflare(login, new AbortController().signal).list("/accounts?a", z.unknown()),
    ).rejects.toThrow();
    expect(cloud.calls.at(-1)?.headers).toMatchObject({ "x-auth-key": "a-key", "x-auth-email": "ada@example.com" });
  });

  it("refuses a token that lacks a permission, and says where they are listed", async () => {
    give({ ...VALUES, CLOUDFLARE_ACCOUNT_ID: ACCOUNT });
    const checkout = makeCheckout();
    cloud.denied = /\/d1\//;
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toMatch(/Cloudflare refused GET .*\/d1\/database.*Authentication error \(10000\)/);
    expect(checkout.complained()).toContain("docs/deploy.md lists what a token needs");
  });
});

describe("the smoke test", () => {
  it("deletes its account when a step fails, and finds one that an earlier run left", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    const failing = (pattern: RegExp): Partial<Outside> => ({
      fetch: async (url, request) =>
        pattern.test(`${request?.method} ${url}`)
          ? new Response("broken", { status: 500, headers: { "X-Request-Id": "an-id" } })
          : OUTSIDE.fetch(url, request),
    });
    expect(await checkout.run([], failing(/POST .*\/refresh/))).toBe(1);
    expect(checkout.complained()).toContain(
      "The deployed service failed to refresh: POST /api/v1/auth/refresh answered 500: broken\nIts line in the logs has the request id an-id.",
    );
    expect(await leftAccounts()).toEqual([]);

    // The row that a run leaves behind if it is killed during the smoke test.
    const insertion =
      "INSERT INTO users (id, email, username, password_hash, role, is_active, is_verified, is_superuser, session_epoch, locale, created_at, updated_at) VALUES ('019ab2c4-5d6e-7f80-9a1b-2c3d4e5f6071', 'deployment-check@postern.invalid', 'check-left', 'x', 'user', 1, 1, 0, 0, 'en', 1, 1)";
    await database.DB.prepare(insertion).run();
    expect(await checkout.run(), checkout.complained()).toBe(0);
    expect(await leftAccounts()).toEqual([]);
    const left = await database.DB.prepare("SELECT kind FROM follow_ups WHERE content LIKE '%019ab2c4-5d6e%'").all();
    expect(left.results.length).toBeLessThanOrEqual(2);
  });

  it("is skipped where the operator wants none, or Turnstile lets no program log in", async () => {
    give({ ...VALUES, PUBLIC_URL: "https://postern.example.workers.dev/" });
    const untested = makeCheckout();
    expect(await untested.run(["--skip-smoke-test"], CANNED), untested.complained()).toBe(0);
    expect(untested.said()).not.toContain("Smoke test");
    cloud.workers.set("postern", new Map([["TURNSTILE_SECRET_KEY", "x"]]));
    const checkout = makeCheckout();
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect(checkout.said()).toContain("Smoke test   skipped: Turnstile");
  });

  it("does not start before the new version answers", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    let polls = 0;
    const fetch: Outside["fetch"] = async (url, request) => {
      if (!url.endsWith("/health/ready")) return OUTSIDE.fetch(url, request);
      polls += 1;
      if (polls === 1) throw new TypeError("no certificate yet");
      return polls < 4 ? Response.json({ version: "0.0.1" }) : OUTSIDE.fetch(url, request);
    };
    expect(await checkout.run([], { fetch }), checkout.complained()).toBe(0);
    expect(polls).toBe(4);
    const never: Outside["fetch"] = async () => Response.json({ version: "0.0.1" });
    expect(await checkout.run([], { fetch: never })).toBe(1);
    expect(checkout.complained()).toContain(`/health/ready does not answer with version ${VERSION}.`);
  });
});

describe("a deployment that was interrupted", () => {
  it("continues after a failure at any call, and makes nothing twice", async () => {
    give(VALUES);
    // With Turnstile, the runs skip the smoke test.
    cloud.workers.set("postern", new Map([["TURNSTILE_SECRET_KEY", "x"]]));
    const checkout = makeCheckout();
    const failed = cloud.failEachOnce();
    for (let runs = 0; (await checkout.run([], CANNED)) !== 0; runs += 1) {
      // Each run gets one call further than the run before.
      expect(failed.length, checkout.complained()).toBe(runs + 1);
      expect(checkout.complained()).toContain("Run the same command again");
    }
    const writes = failed.filter((line) => !line.startsWith("GET"));
    for (const path of ["/d1/database", "/storage/kv/namespaces", "/queues", "/workers/scripts/postern"])
      for (const when of ["before", "after"])
        expect(writes).toContainEqual(expect.stringMatching(`${path} .*${when}$`));
    expect(failed.length).toBeGreaterThan(20);
    expect([cloud.databases.length, cloud.namespaces.length, cloud.queues.length]).toEqual([1, 1, 4]);
    const migrations = cloud.databases[0]?.sql.prepare("SELECT name FROM d1_migrations").all() ?? [];
    expect(migrations).toHaveLength(globSync(join(ROOT, "migrations/*.sql")).length);
    expect(cloud.workers.get("postern")?.get("AUTH_SECRET")).toBe(VALUES.AUTH_SECRET);
  });

  it("continues with the AUTH_SECRET that it has made", async () => {
    const checkout = makeCheckout({ answers: [...ANSWERS, "re_987654321", "", "re_987654321", "y"] });
    cloud.failOnce(/PUT .*\/workers\/scripts/);
    expect(await checkout.run([], CANNED)).toBe(1);
    const made = checkout.read("production-auth-secret.txt").trim();
    expect(await checkout.run(["--dry-run"])).toBe(0);
    expect(checkout.said()).toMatch(/would set the AUTH_SECRET in .+production-auth-secret\.txt/);
    expect(await checkout.run([], CANNED), checkout.complained()).toBe(0);
    expect(cloud.workers.get("postern")?.get("AUTH_SECRET")).toBe(made);
  });

  it("says why Cloudflare, or the database, can't be reached", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", "http://127.0.0.1:1");
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain("Cloudflare's API can't be reached (GET /accounts?per_page=50&page=1)");
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", service.origin);
    expect(await checkout.run([], CANNED)).toBe(1);
    expect(checkout.complained()).toContain(
      "What answered GET /accounts?per_page=50&page=1 (status 404) is not Cloudflare's API",
    );
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", cloud.base);
    const openD1 = async () => {
      throw new Error("no preview Worker today");
    };
    expect(await deploy([], { ...checkout, openD1 }, { ...OUTSIDE, ...CANNED })).toBe(1);
    expect(checkout.complained()).toMatch(
      /no preview Worker today[\s\S]+The new version runs, but could not be checked/,
    );
  });

  it("stops at Ctrl-C between two steps, and says that it can go on", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    const pause = async () => checkout.stopNow();
    const fetch = async () => new Response("starting", { status: 503 });
    expect(await checkout.run([], { pause, fetch })).toBe(1);
    expect(checkout.complained()).toContain("Stopped.");
  });
});

describe("wrangler itself", () => {
  const clone = useClone();

  it("makes these calls, and a second run finishes what a failed one began", async () => {
    // With CLOUDFLARE_ENV, wrangler by itself would use another Worker.
    give({ ...VALUES, CLOUDFLARE_API_TOKEN: TOKEN, CI: "1", CLOUDFLARE_ENV: "other" });
    const { root: _, ...checkout } = makeCheckout();
    const world = { ...checkout, root: clone.folder };
    const run = () => deploy(["--env", "staging"], world, OUTSIDE);
    cloud.failOnce(/PUT .*\/schedules/);
    expect(await run()).toBe(1);
    expect(checkout.complained()).toContain("the stand-in fails once");
    const written = cloud.written();
    expect(written.slice(0, 6)).toEqual([
      "POST /d1/database",
      "POST /storage/kv/namespaces",
      ...Array(4).fill("POST /queues"),
    ]);
    const migrations = globSync(join(ROOT, "migrations/*.sql")).length;
    expect(written.slice(6, 7 + migrations)).toEqual(Array(1 + migrations).fill("POST /d1/database/:id/query"));
    expect(written.slice(7 + migrations)).toEqual([
      "POST /workers/scripts/postern-staging/assets-upload-session",
      "POST /workers/assets/upload",
      "PUT /workers/scripts/postern-staging",
      "POST /workers/scripts/postern-staging/subdomain",
      "PUT /workers/scripts/postern-staging/schedules",
      "POST /queues/:id/consumers",
      "POST /queues/:id/consumers",
    ]);
    const [{ bindings = [] } = {}] = cloud.uploads;
    const bound = (type: string) => bindings.filter((binding) => binding.type === type);
    expect(bound("d1")).toEqual([{ name: "DB", type: "d1", id: cloud.databases[0]?.uuid }]);
    expect(bound("kv_namespace")[0]).toMatchObject({ name: "REVOCATIONS", namespace_id: cloud.namespaces[0]?.id });
    expect(bound("queue").map(({ queue_name }) => queue_name)).toEqual([
      "postern-mail-staging",
      "postern-mail-dead-staging",
      "postern-audit-staging",
      "postern-audit-dead-staging",
    ]);
    expect(bound("secret_text").map(({ name }) => name)).toEqual(["RESEND_API_KEY", "AUTH_SECRET"]);

    cloud.calls.length = 0;
    expect(await run(), checkout.complained()).toBe(0);
    expect(cloud.written()).toEqual([
      "POST /workers/scripts/postern-staging/assets-upload-session",
      "POST /workers/assets/upload",
      "POST /workers/scripts/postern-staging/versions",
      "POST /workers/scripts/postern-staging/deployments",
      "PATCH /workers/scripts/postern-staging/script-settings",
      "POST /workers/scripts/postern-staging/subdomain",
      "PUT /workers/scripts/postern-staging/schedules",
      "PUT /queues/:id/consumers/:id",
      "PUT /queues/:id/consumers/:id",
    ]);
    for (const value of [TOKEN, VALUES.AUTH_SECRET, VALUES.RESEND_API_KEY])
      expect(checkout.said() + checkout.complained()).not.toContain(value);
  });

  it("gives its login to the npm script, which changes nothing in a dry run", async () => {
    give({ CLOUDFLARE_API_TOKEN: TOKEN, CI: "1" });
    const { code, output } = await clone.run("deploy", "--dry-run", "--env", "preview");
    expect(code, output).toBe(1);
    expect(output).toContain("preview: the Worker postern-preview.");
    expect(output).toContain("AUTH_SECRET is missing.");
    expect(output).toContain("would wait for https://postern-preview.example.workers.dev/health/ready.");
    expect(cloud.written()).toEqual([]);
  });
});
