import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { release as runRelease } from "../../src/commands/release.ts";
import { compareVersions, isVersion } from "../../src/commands/versions.ts";
import { VERSION } from "../../src/version.ts";
import { plainEnvironment } from "./run-program.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const CHANGES = "### Added\n\n- A thing.\n";
const CHANGELOG = `# Changelog\n\nWords.\n\n## Unreleased\n\n${CHANGES}\n## 0.1.0 - 2026-01-31\n\n### Added\n\n- All of it.\n`;

/** A Git repository with the files that a release changes, in a folder with a space in its name. */
function repository(changelog = CHANGELOG) {
  const folder = mkdtempSync(join(tmpdir(), "postern release-"));
  folders.push(folder);
  // Git must use neither the user's configuration nor the repository in which these tests run.
  const env = {
    ...plainEnvironment(),
    ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null", GIT_CEILING_DIRECTORIES: tmpdir() },
  };
  const git = (...words: string[]) => execFileSync("git", words, { cwd: folder, env, encoding: "utf8", stdio: "pipe" });
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
  const read = (path: string) => readFileSync(join(folder, path), "utf8");
  const lock = {
    name: "postern",
    version: "0.1.0",
    packages: { "": { version: "0.1.0" }, other: { version: "0.1.0" } },
  };
  for (const name of ["docs", "src"]) mkdirSync(join(folder, name));
  write("package.json", `${JSON.stringify({ name: "postern", version: "0.1.0" }, null, 2)}\n`);
  write("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
  write("src/version.ts", 'export const VERSION = "0.1.0";\n');
  write("docs/quick-start-worker.md", "npm install ../postern/postern-0.1.0.tgz\n");
  write("CHANGELOG.md", changelog);
  git("init", "--quiet", "--initial-branch", "main");
  git("config", "user.name", "A Maintainer");
  git("config", "user.email", "maintainer@example.com");
  git("add", "--all");
  git("commit", "--quiet", "--message", "all: begin");
  const release = async (...words: string[]) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    let output = "";
    const say = (text: string) => {
      output += text;
    };
    const code = await runRelease(words, { root: folder, say, complain: say });
    return { code, output };
  };
  return { folder, git, write, read, release };
}

describe("npm run release", () => {
  it("makes the unreleased changes a version with its date, in one commit with a tag, and pushes nothing", async () => {
    const { git, read, release } = repository();
    const { code, output } = await release("0.2.0");
    expect({ code, output }).toMatchObject({
      code: 0,
      output: expect.stringContaining("git push --atomic origin main v0.2.0\n"),
    });
    expect(read("CHANGELOG.md")).toMatch(
      /^## Unreleased\n\n## 0\.2\.0 - \d{4}-\d\d-\d\d\n\n### Added\n\n- A thing\.\n\n## 0\.1\.0 - /m,
    );
    expect(JSON.parse(read("package.json")).version).toBe("0.2.0");
    const { version, packages } = JSON.parse(read("package-lock.json"));
    expect([version, packages[""].version, packages.other.version]).toEqual(["0.2.0", "0.2.0", "0.1.0"]);
    expect(read("src/version.ts")).toBe('export const VERSION = "0.2.0";\n');
    expect(read("docs/quick-start-worker.md")).toBe("npm install ../postern/postern-0.2.0.tgz\n");
    expect(git("status", "--porcelain")).toBe("");
    expect(git("log", "-1", "--format=%s %D").trim()).toBe("release: 0.2.0 HEAD -> main, tag: v0.2.0");
    expect(git("cat-file", "-t", "v0.2.0").trim(), "the tag is annotated").toBe("tag");
  });

  it("prints a tag's release notes, which is what the release workflow publishes", async () => {
    const { release } = repository();
    expect(await release("--notes", "v0.1.0")).toEqual({ code: 0, output: "### Added\n\n- All of it.\n" });
    expect(await release("--notes", "v0.2.0")).toEqual({
      code: 1,
      output: "The tag is v0.2.0, but package.json has the version 0.1.0. Nothing changed.\n",
    });
  });

  it("has no release notes for a version that has no date", async () => {
    const { release } = repository(`# Changelog\n\n## Unreleased\n\n${CHANGES}`);
    expect(await release("--notes", "v0.1.0")).toMatchObject({
      code: 1,
      output: expect.stringContaining("no dated section"),
    });
  });

  it("needs a changelog", async () => {
    const { git, release } = repository();
    git("rm", "--quiet", "CHANGELOG.md");
    git("commit", "--quiet", "--message", "x");
    expect(await release("--notes", "v0.1.0")).toMatchObject({
      code: 1,
      output: expect.stringContaining("CHANGELOG.md has no dated section for 0.1.0"),
    });
    expect(await release("0.2.0")).toMatchObject({ code: 1, output: expect.stringContaining("nothing to release") });
  });

  it("releases the version in package.json if that was never released", async () => {
    const { git, release } = repository(`# Changelog\n\n## Unreleased\n\n${CHANGES}`);
    expect((await release("0.1.0")).code).toBe(0);
    expect(git("diff", "--name-only", "HEAD~1").trim()).toBe("CHANGELOG.md");
  });

  it("changes nothing with --dry-run, and prints the notes", async () => {
    const { git, release } = repository();
    const { code, output } = await release("0.2.0", "--dry-run");
    expect(code).toBe(0);
    expect(output).toContain(CHANGES);
    expect(output).toContain(
      "Would change package.json, package-lock.json, src/version.ts, docs/quick-start-worker.md, CHANGELOG.md,",
    );
    expect(git("status", "--porcelain") + git("tag")).toBe("");
  });

  it.each<[string, string[], (made: ReturnType<typeof repository>) => void, string]>([
    [
      "a branch that is not main",
      ["0.2.0"],
      ({ git }) => git("switch", "--quiet", "--create", "feature"),
      "the branch feature",
    ],
    ["changes that are not committed", ["0.2.0"], ({ write }) => write("new.ts", ""), "?? new.ts"],
    ["a tag that exists", ["0.2.0"], ({ git }) => git("tag", "v0.2.0"), "v0.2.0 already exists"],
    ["a version that is released already", ["0.1.0"], () => {}, "not newer than 0.1.0"],
    [
      "a version before the one in package.json",
      ["0.0.9"],
      ({ write, git }) => {
        write("CHANGELOG.md", `# Changelog\n\n## Unreleased\n\n${CHANGES}`);
        git("commit", "--quiet", "--all", "--message", "x");
      },
      "0.0.9 is older than 0.1.0, the version in package.json",
    ],
    ["no folder of Git", ["0.2.0"], ({ git }) => git("config", "core.bare", "not a boolean"), "Git doesn't answer"],
    [
      "nothing to release",
      ["0.2.0"],
      ({ write, git }) => {
        write("CHANGELOG.md", CHANGELOG.replace(CHANGES, ""));
        git("commit", "--quiet", "--all", "--message", "x");
      },
      "nothing to release",
    ],
    [
      "a hook that refuses the commit",
      ["0.2.0"],
      ({ folder }) => {
        mkdirSync(join(folder, ".git/hooks"), { recursive: true });
        const hook = "#!/bin/sh\necho 'no, said the hook' >&2\nexit 1\n";
        writeFileSync(join(folder, ".git/hooks/pre-commit"), hook, { mode: 0o755 });
      },
      "no, said the hook",
    ],
    [
      "a tag that Git refuses",
      ["0.2.0"],
      ({ write, git }) => {
        git("update-ref", "refs/tags/v0.2.0/taken", "HEAD");
        write("x", "");
        git("add", "x");
        git("commit", "--quiet", "--message", "x");
      },
      "Git refused the tag",
    ],
  ])("refuses %s, says why, and leaves everything as it was", async (_what, words, prepare, reason) => {
    const made = repository();
    prepare(made);
    const state = () => [
      made.read("CHANGELOG.md"),
      made.read("package.json"),
      readFileSync(join(made.folder, ".git/refs/heads/main"), "utf8"),
    ];
    const before = state();
    const { code, output } = await made.release(...words);
    expect(code).toBe(1);
    expect(output).toContain(reason);
    expect(output).toContain("Nothing changed.");
    expect(state()).toEqual(before);
  });

  it.each([
    [[], "Name one version"],
    [["0.2.0", "0.3.0"], "Name one version"],
    [["v0.2.0"], "v0.2.0 is not a version"],
    [["0.2"], "0.2 is not a version"],
    [["--notes", "v0.1.0", "0.1.0"], "--notes takes no version"],
    [["--publish"], "--publish"],
  ])("explains the words %j and how to use it", async (words, reason) => {
    const { code, output } = await repository().release(...words);
    expect(code).toBe(2);
    expect(output).toContain(reason);
    expect(output).toContain("Usage: npm run release -- <version>");
  });

  it("explains itself when it is asked to", async () => {
    const { code, output } = await repository().release("--help");
    expect([code, output]).toEqual([0, expect.stringMatching(/^Usage: npm run release -- <version>/)]);
  });
});

describe("versions", () => {
  it("are in the order of Semantic Versioning §11", () => {
    const order = "0.9.0 0.10.0 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0";
    const versions = order.split(" ");
    expect(versions.filter((version) => !isVersion(version))).toEqual([]);
    expect(versions.toReversed().sort(compareVersions)).toEqual(versions);
    expect(compareVersions("1.0.0-rc.1", "1.0.0-rc.1")).toBe(0);
  });

  it.each(["1", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+build", " 1.0.0"])("are not %j", (text) => {
    expect(isVersion(text)).toBe(false);
  });
});

describe("the version of this tree", () => {
  it("is the same wherever it stands", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
    expect([lock.version, lock.packages[""].version, VERSION]).toEqual([version, version, version]);
    for (const page of ["docs/quick-start-browser.md", "docs/quick-start-worker.md"]) {
      const named = readFileSync(page, "utf8").match(/postern-\d\S*?\.tgz/g);
      expect(new Set(named), page).toEqual(new Set([`postern-${version}.tgz`]));
    }
  });
});
