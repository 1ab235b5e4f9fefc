/** What a "Deploy to Cloudflare" button needs, as far as a test can see it. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { unstable_readConfig } from "wrangler";
import { ConfigurationError, parseConfig } from "../../src/config/config.ts";
import { TREE, treeFiles } from "./tree-files.ts";

const EXAMPLE = ".dev.vars.example";
const secrets = parseEnv(readFileSync(join(TREE, EXAMPLE), "utf8"));
const manifest = JSON.parse(readFileSync(join(TREE, "package.json"), "utf8"));
const worker = unstable_readConfig({ config: join(TREE, "wrangler.toml") }, { hideWarnings: true });
const databases: { binding: string; database_id?: string }[] = worker.d1_databases;
const producers: { binding: string }[] = worker.queues.producers ?? [];
const namespaces: { binding: string; id?: string }[] = worker.kv_namespaces;

/** The names of everything that the button asks for or creates. */
const asked = [
  ...Object.keys(secrets),
  ...Object.keys(worker.vars),
  ...[...databases, ...namespaces].map(({ binding }) => binding),
  ...producers.map(({ binding }) => binding),
];

describe("a Deploy to Cloudflare button", () => {
  it("finds the names of the secrets in a file that Git has, without a value that could be deployed by mistake", () => {
    expect(treeFiles()).toContain(EXAMPLE);
    expect(treeFiles()).not.toContain(".dev.vars");
    expect(secrets).toEqual({ AUTH_SECRET: "" });
  });

  it("leaves all other files with secrets out of Git", () => {
    const folder = mkdtempSync(join(tmpdir(), "postern-button-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    cpSync(join(TREE, ".gitignore"), join(folder, ".gitignore"));
    for (const name of [".dev.vars", ".dev.vars.staging", EXAMPLE]) writeFileSync(join(folder, name), "");
    const git = (...words: string[]) => execFileSync("git", words, { cwd: folder, encoding: "utf8" });
    git("init", "--quiet");
    expect(git("status", "--porcelain", "-uall").trim().split("\n").toSorted()).toEqual([
      `?? ${EXAMPLE}`,
      "?? .gitignore",
    ]);
  });

  it("explains everything that it asks for or makes, and nothing else", () => {
    const { bindings } = manifest.cloudflare;
    expect(Object.keys(bindings).toSorted()).toEqual(asked.toSorted());
    for (const { description } of Object.values<{ description: string }>(bindings)) expect(description).toMatch(/\.$/);
  });

  it("has an id in place of each that Cloudflare fills in", () => {
    expect(databases.map(({ database_id }) => database_id)).toEqual([expect.stringMatching(/^[0-]{36}$/)]);
    expect(namespaces.map(({ id }) => id)).toEqual([expect.stringMatching(/^0{32}$/)]);
  });

  it("finds a script that builds and one that deploys, which the tests of npm run deploy run on its answers", () => {
    expect(manifest.scripts).toMatchObject({ build: expect.any(String), deploy: expect.stringContaining("deploy.ts") });
  });

  it("is in the guide, for the repository of the person who puts it into their README", () => {
    const guide = readFileSync(join(TREE, "docs/deploy.md"), "utf8");
    const button =
      "[![Deploy to Cloudflare](https://deploy.workers.cloudflare.com/button)](https://deploy.workers.cloudflare.com/?url=";
    expect(guide).toContain(`${button}https://github.com/OWNER/REPOSITORY)`);
  });

  it("can't start a Worker with the answers left empty: each counts as missing", () => {
    const start = () => parseConfig({ ...worker.vars, ...secrets });
    expect(start).toThrow(ConfigurationError);
    expect(start).toThrow(/AUTH_SECRET/);
    const secret = { AUTH_SECRET: "SdkL3RzuVrYqTxW0aPnE5mHbC8gJf2oQ1iUeXvZy7wMt" };
    const answered = () => parseConfig({ ...worker.vars, ...secret });
    for (const name of ["PUBLIC_URL", "MAIL_TRANSPORT"]) expect(answered).toThrow(`${name} is missing`);
    const answers = {
      PUBLIC_URL: "https://auth.example.com",
      MAIL_TRANSPORT: "cloudflare",
      MAIL_FROM: "a@example.com",
    };
    expect(parseConfig({ ...worker.vars, ...secret, ...answers }).firstSuperuserEmail).toBeUndefined();
  });
});
