/** What `npm run deploy` must never do, with any content of files, of the environment or of the account. */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { openD1 } from "../../src/commands/d1.ts";
import { configurationOf } from "../../src/commands/deploy/configuration.ts";
import { openDeploymentFile } from "../../src/commands/deploy/deployment-file.ts";
import { faultOfEnvironment } from "../../src/commands/deploy/environments.ts";
import { readToml } from "../../src/commands/deploy/tables.ts";
import { findWrangler } from "../../src/commands/wrangler.ts";
import { type Cloudflare, startCloudflare } from "./cloudflare-stand-in.ts";
import { ANSWERS, give, makeCheckout, VALUES } from "./deploy-checkout.ts";
import { makeTree } from "./stand-in.ts";

const SKIP = ["--skip-smoke-test"];
let cloud: Cloudflare;

beforeEach(async () => {
  cloud = await startCloudflare();
  onTestFinished(() => cloud.close());
  give({ CLOUDFLARE_API_BASE_URL: cloud.base });
  for (const name of ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"]) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const generated = (root: string, name = "production") =>
  JSON.parse(readFileSync(join(root, ".wrangler/deployments", `${name}.json`), "utf8"));

describe("AUTH_SECRET", () => {
  it("is not taken for missing where another program than Cloudflare's API answers, or the account is unknown", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    cloud.answerInstead = { status: 404, text: "<html>no such page</html>" };
    give({ CLOUDFLARE_ACCOUNT_ID: "f".repeat(32) });
    expect(await checkout.run(SKIP)).toBe(1);
    expect(checkout.complained()).toMatch(/is not Cloudflare's API, or it has a problem/);
    const errors = [{ code: 7003, message: "Could not route, perhaps your object identifier is invalid?" }];
    cloud.answerInstead = { status: 404, text: JSON.stringify({ success: false, errors, result: null }) };
    expect(await checkout.run(SKIP)).toBe(1);
    expect(checkout.complained()).toContain("Is the id of the account right?");
    expect(cloud.written()).toEqual([]);
  });

  it("is not replaced where another run sets it after this one has looked", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    const theirs = new Map([["AUTH_SECRET", "of-the-other-run"]]);
    cloud.queues.push = (...queues) => {
      cloud.workers.set("postern", theirs);
      return Array.prototype.push.apply(cloud.queues, queues);
    };
    expect(await checkout.run(SKIP)).toBe(1);
    expect(checkout.complained()).toContain("Another run has deployed postern meanwhile, with its own AUTH_SECRET");
    expect(cloud.workers.get("postern")?.get("AUTH_SECRET")).toBe("of-the-other-run");
  });

  it("is not sent from a file that an interrupted run left empty", async () => {
    const checkout = makeCheckout({ answers: ANSWERS });
    checkout.write("production-auth-secret.txt", "\n");
    expect(await checkout.run(SKIP)).toBe(1);
    expect(checkout.complained()).toMatch(/production-auth-secret\.txt .+ delete the file/);
    expect(cloud.workers.size).toBe(0);
  });

  it("is left out of what wrangler says when it fails, and so is every other secret", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    const script = join(checkout.root, "node_modules/wrangler/bin/wrangler.js");
    const failing = 'async deploy() { console.error(fs.readFileSync(flag("--secrets-file"), "utf8")); process.exit(1);';
    writeFileSync(script, readFileSync(script, "utf8").replace("async deploy() {", failing));
    expect(await checkout.run(SKIP)).toBe(1);
    expect(checkout.complained()).toContain('"AUTH_SECRET":"…"');
    for (const secret of [VALUES.AUTH_SECRET, VALUES.RESEND_API_KEY])
      expect(checkout.complained()).not.toContain(secret);
  });
});

describe("what the account has already", () => {
  it("is not touched if the database has tables of something else", async () => {
    give(VALUES);
    const sql = new DatabaseSync(":memory:");
    sql.exec("CREATE TABLE _cf_KV (key TEXT); CREATE TABLE users (id TEXT); CREATE TABLE orders (id TEXT)");
    cloud.databases.push({ uuid: "11111111-1111-4111-8111-111111111111", name: "postern", sql });
    const checkout = makeCheckout();
    expect(await checkout.run(SKIP)).toBe(1);
    expect(checkout.complained()).toContain("The database postern has tables of something else (orders, users).");
    expect(checkout.complained()).toMatch(/write another database_name there/);
    expect(cloud.workers.size).toBe(0);
    const own = checkout
      .read("production.toml")
      .replace(/database_name = .*\ndatabase_id = .*/, 'database_name = "auth"');
    checkout.write("production.toml", own);
    expect(await checkout.run(SKIP), checkout.complained()).toBe(0);
  });

  it("settles the address and the sender where a colleague has no file, and names variables that go", async () => {
    cloud.zones.push({ name: "example.com" });
    give({ ...VALUES, PUBLIC_URL: "https://auth.example.com" });
    const first = makeCheckout();
    first.write("production.toml", '[vars]\nALLOWED_ORIGINS = "https://app.example.com"\n');
    expect(await first.run(SKIP), first.complained()).toBe(0);

    for (const name of ["PUBLIC_URL", ...Object.keys(VALUES)]) vi.stubEnv(name, undefined);
    const colleague = makeCheckout({ answers: ["y"] });
    expect(await colleague.run(SKIP), colleague.complained()).toBe(0);
    expect(colleague.asked).toHaveLength(1);
    expect(colleague.said()).toMatch(/Variables +removes ALLOWED_ORIGINS: the Worker has them/);
    expect(colleague.read("production.toml")).toContain('PUBLIC_URL = "https://auth.example.com"');
    const server = makeCheckout();
    expect(await server.run(SKIP), server.complained()).toBe(0);
    expect(generated(server.root).routes).toEqual([{ pattern: "auth.example.com", custom_domain: true }]);
  });
});

describe("an environment", () => {
  it("has no name with which it would take another one's queue or preview Worker", () => {
    for (const name of ["dead", "dead-staging", "commands", "staging-commands", "../x", "--yes", "a/b", ""])
      expect(faultOfEnvironment(name), name).toBeDefined();
    for (const name of ["staging", "undead", "deadline", "commandship"])
      expect(faultOfEnvironment(name)).toBeUndefined();
  });

  it("is the one that --env names, not one that CLOUDFLARE_ENV names to wrangler", async () => {
    give({ CLOUDFLARE_ENV: "staging", WRANGLER_LOG: "debug" });
    const { root, stop } = makeTree(
      "console.log(JSON.stringify([process.env.CLOUDFLARE_ENV, process.env.WRANGLER_LOG]));",
    );
    const { output } = (await findWrangler(root)?.run(["show"], stop)) ?? {};
    expect(output).toContain('["","log"]');
  });

  it("is deployed to the Worker that Cloudflare's own build is connected to", async () => {
    give({ ...VALUES, WRANGLER_CI_OVERRIDE_NAME: "postern-staging" });
    const checkout = makeCheckout();
    expect(await checkout.run(["--env", "staging", ...SKIP]), checkout.complained()).toBe(0);
    expect([...cloud.workers.keys()]).toEqual(["postern-staging"]);
    expect(cloud.databases.map(({ name }) => name)).toEqual(["postern-staging"]);
  });

  it("keeps in its generated configuration what came from environment variables, whatever command runs next", async () => {
    give({ ...VALUES, PUBLIC_URL: "https://auth.example.com" });
    cloud.zones.push({ name: "example.com" });
    const checkout = makeCheckout();
    expect(await checkout.run(SKIP), checkout.complained()).toBe(0);
    const before = generated(checkout.root);
    for (const name of ["PUBLIC_URL", ...Object.keys(VALUES)]) vi.stubEnv(name, undefined);
    await configurationOf(checkout.root, "production");
    expect(generated(checkout.root)).toEqual(before);
  });

  it("is named by a command that finds no database of it", async () => {
    const { root } = makeCheckout();
    const place = { remote: true, persistTo: undefined, environment: "staging" };
    await expect(openD1(place, root)).rejects.toThrow("`npm run deploy -- --env staging`");
  });

  it("takes a PUBLIC_URL that is no URL for what it is, in every command", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    checkout.write("production.toml", '[vars]\nPUBLIC_URL = "auth.example.com"\n');
    await configurationOf(checkout.root, "production");
    expect(await checkout.run(SKIP)).toBe(1);
    expect(checkout.complained()).toContain("PUBLIC_URL takes an absolute http(s) URL");
    // An empty value counts as missing, so the command takes the address on workers.dev.
    checkout.write("production.toml", '[vars]\nPUBLIC_URL = ""\n');
    expect(await checkout.run(SKIP), checkout.complained()).toBe(0);
  });
});

describe("Turnstile", () => {
  it("is deployed only with its secret key, which is asked for or comes from the environment as every other secret", async () => {
    give(VALUES);
    const checkout = makeCheckout();
    checkout.write("production.toml", '[vars]\nTURNSTILE_SITE_KEY = "0x4AAAAAAADnPIDROzHhAIIA"\n');
    expect(await checkout.run()).toBe(1);
    expect(checkout.complained()).toContain("TURNSTILE_SECRET_KEY is missing: set the environment variable.");
    give({ TURNSTILE_SECRET_KEY: "0x4AAAAAAADnPIDROzHhAIIA-key", METRICS_TOKEN: VALUES.AUTH_SECRET });
    expect(await checkout.run(), checkout.complained()).toBe(0);
    expect(cloud.workers.get("postern")?.get("TURNSTILE_SECRET_KEY")).toBe("0x4AAAAAAADnPIDROzHhAIIA-key");
    expect(cloud.workers.get("postern")?.get("METRICS_TOKEN")).toBe(VALUES.AUTH_SECRET);
    expect(checkout.said()).toContain("Smoke test   skipped: Turnstile");
  });
});

describe("the operator's file", () => {
  it("keeps its rights and stays a link, and no draft is left beside it", async () => {
    const { root, path } = makeCheckout();
    const [store, target] = [join(root, "private"), join(root, "private", "production.toml")];
    for (const folder of [store, join(root, "deployments")]) mkdirSync(folder);
    appendFileSync(target, "# ours\n");
    chmodSync(target, 0o600);
    symlinkSync(target, path("production.toml"));
    const file = openDeploymentFile(root, "production");
    await file.set("account_id", "a");
    await file.setVar("PRODUCT_NAME", 'a "b" # \\ \n');
    expect(await readToml(target)).toMatchObject({ account_id: "a", vars: { PRODUCT_NAME: 'a "b" # \\ \n' } });
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect([readdirSync(store), readdirSync(join(root, "deployments"))]).toEqual([
      ["production.toml"],
      ["production.toml"],
    ]);
  });

  it("is not changed inside of a text of several lines", async () => {
    const checkout = makeCheckout();
    const text = '[vars]\nRATE_LIMITS = """\n{\n[vars]\n"""\n';
    checkout.write("production.toml", `note = """\n${text.replaceAll('"""', "'''")}"""\n`);
    const before = checkout.read("production.toml");
    await expect(openDeploymentFile(checkout.root, "production").setVar("MAIL_FROM", "x")).rejects.toThrow(
      "Add this to it yourself:\n\nvars.MAIL_FROM",
    );
    expect(checkout.read("production.toml")).toBe(before);
  });

  it("loses no answer of two runs at once", async () => {
    const { root, path } = makeCheckout();
    const names = ["A", "B", "C", "D"];
    await Promise.all(names.map((name) => openDeploymentFile(root, "staging").setVar(name, name)));
    expect((await readToml(path("staging.toml"))).vars).toEqual(Object.fromEntries(names.map((name) => [name, name])));
  });
});
