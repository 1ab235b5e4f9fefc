/**
 * `npm run release -- 0.2.0`: turns the unreleased changes into a version, as one commit with a tag. Never pushes,
 * because a pushed tag starts `.github/workflows/release.yml`.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock, toIsoTime } from "../platform/clock.ts";
import { newestRelease, releaseNotes, withRelease } from "./changelog.ts";
import { type Fault, giveUp, readFlags, understand } from "./flags.ts";
import { type Git, gitIn } from "./git.ts";
import { endWith, here, type Surroundings } from "./surroundings.ts";
import { compareVersions, isVersion } from "./versions.ts";

const USAGE = `Usage: npm run release -- <version> [flags]

Makes the changes under "Unreleased" in CHANGELOG.md the version, with today's date; sets the version in package.json,
package-lock.json, src/version.ts and the documentation; commits, and tags the commit v<version>. Pushes nothing.

  --dry-run       print the release notes and what would change, and change nothing
  --notes <tag>   print the release notes of a tag such as v0.2.0 instead; fails if the tag doesn't match package.json
  --help          show this text
`;

/** The files that contain the version, and how each of them writes it. */
const FILES: Readonly<Record<string, (version: string) => string>> = {
  "package.json": (version) => `"version": "${version}"`,
  "package-lock.json": (version) => `"version": "${version}"`,
  "src/version.ts": (version) => `VERSION = "${version}"`,
  "docs/quick-start-browser.md": (version) => `postern-${version}.tgz`,
  "docs/quick-start-worker.md": (version) => `postern-${version}.tgz`,
};
/** In package-lock.json, the first two versions are Postern's own. The others belong to packages. */
const PLACES_IN_LOCK = 2;
const CHANGELOG = "CHANGELOG.md";

type World = Pick<Surroundings, "root" | "say" | "complain">;

interface Wish {
  help: boolean;
  isDry: boolean;
  version: string;
  /** The tag whose notes to print. */
  notes: string | undefined;
}

/** Runs the command. Returns its exit code. */
export async function release(argv: readonly string[], world: World): Promise<number> {
  const wish = understand(readWish(argv), USAGE, world);
  if (typeof wish === "number") return wish;
  const files = readFiles(world.root);
  if (wish.notes !== undefined) return printNotes(wish.notes, files, world);
  const git = gitIn(world.root);
  const fault = (await faultOfTree(git, wish)) ?? faultOfVersion(wish.version, files);
  if (fault !== undefined) return giveUp(fault, world);
  const date = toIsoTime(systemClock.now()).slice(0, 10);
  const changed = changedFiles(wish.version, date, files);
  if (wish.isDry) {
    world.say(`${releaseNotes(changed.get(CHANGELOG) ?? "", wish.version)}
Would change ${[...changed.keys()].join(", ")}, commit them and tag the commit v${wish.version}. Nothing changed.
`);
    return 0;
  }
  return commit(wish.version, files, changed, git, world);
}

function readWish(argv: readonly string[]): Wish | Fault {
  const flags = readFlags(
    argv,
    { help: { type: "boolean", short: "h" }, "dry-run": { type: "boolean" }, notes: { type: "string" } },
    true,
  );
  if ("fault" in flags) return flags;
  const { values, positionals } = flags;
  const { help = false, "dry-run": isDry = false, notes } = values;
  const [version = "", ...more] = positionals;
  const wish = { help, isDry, version, notes };
  if (help) return wish;
  if (notes !== undefined)
    return positionals.length === 0 ? wish : { fault: "--notes takes no version beside its tag." };
  if (more.length > 0 || version === "") return { fault: "Name one version, such as 0.2.0." };
  if (!isVersion(version))
    return { fault: `${version} is not a version by Semantic Versioning, such as 0.2.0 or 0.2.0-rc.1.` };
  return wish;
}

/** The files that a release changes, by path. Files that do not exist are left out. */
function readFiles(root: string): Map<string, string> {
  const paths = [...Object.keys(FILES), CHANGELOG].filter((path) => existsSync(join(root, path)));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

/** The version in package.json. */
function currentVersion(files: ReadonlyMap<string, string>): string {
  const { version }: { version: string } = JSON.parse(files.get("package.json") ?? "{}");
  return version;
}

/** Prints the notes of a tag that was made by this command. */
function printNotes(tag: string, files: ReadonlyMap<string, string>, world: World): number {
  const version = currentVersion(files);
  if (tag !== `v${version}`) return giveUp(`The tag is ${tag}, but package.json has the version ${version}.`, world);
  const notes = releaseNotes(files.get(CHANGELOG) ?? "", version);
  if (notes === undefined) return giveUp(`CHANGELOG.md has no dated section for ${version}.`, world);
  world.say(notes);
  return 0;
}

/** What keeps this checkout from being released, if anything. */
async function faultOfTree(git: Git, { version }: Wish): Promise<string | undefined> {
  const branch = await git("rev-parse", "--abbrev-ref", "HEAD");
  if (branch.code !== 0) return `Git doesn't answer here: ${branch.text}`;
  if (branch.text !== "main")
    return `This is the branch ${branch.text}: releases are made from main (git switch main).`;
  const status = await git("status", "--porcelain");
  if (status.text !== "") return `Files have changes that are not committed:\n${status.text}\nCommit or stash them.`;
  const tag = await git("rev-parse", "--quiet", "--verify", `refs/tags/v${version}`);
  return tag.code === 0 ? `The tag v${version} already exists.` : undefined;
}

function faultOfVersion(version: string, files: ReadonlyMap<string, string>): string | undefined {
  const changelog = files.get(CHANGELOG) ?? "";
  const current = currentVersion(files);
  const released = newestRelease(changelog);
  if (released !== undefined && compareVersions(version, released) <= 0) {
    return `${version} is not newer than ${released}, the latest version in CHANGELOG.md.`;
  }
  if (compareVersions(version, current) < 0) return `${version} is older than ${current}, the version in package.json.`;
  if (withRelease(changelog, version, "") === undefined) {
    return 'CHANGELOG.md has no changes under "## Unreleased": there is nothing to release.';
  }
  return undefined;
}

/** The new texts of the files that change, by path. */
function changedFiles(version: string, date: string, files: ReadonlyMap<string, string>): Map<string, string> {
  const current = currentVersion(files);
  const changed = [...files].map(([path, text]): [string, string] => {
    const written = FILES[path];
    if (written === undefined) return [path, withRelease(text, version, date) ?? text];
    const parts = text.split(written(current));
    const places = path === "package-lock.json" ? PLACES_IN_LOCK : parts.length - 1;
    const replaced = parts.slice(0, places + 1).join(written(version));
    return [path, [replaced, ...parts.slice(places + 1)].join(written(current))];
  });
  return new Map(changed.filter(([path, text]) => text !== files.get(path)));
}

async function commit(
  version: string,
  files: ReadonlyMap<string, string>,
  changed: ReadonlyMap<string, string>,
  git: Git,
  world: World,
): Promise<number> {
  const paths = [...changed.keys()];
  const write = (texts: ReadonlyMap<string, string>) => {
    for (const path of paths) writeFileSync(join(world.root, path), texts.get(path) ?? "");
  };
  write(changed);
  const committed = await git("commit", "--quiet", "--message", `release: ${version}`, "--", ...paths);
  if (committed.code !== 0) {
    write(files);
    return giveUp(`Git refused the commit: ${committed.text}`, world);
  }
  const tagged = await git("tag", "--annotate", `v${version}`, "--message", `Postern ${version}`);
  if (tagged.code !== 0) {
    await git("reset", "--quiet", "--hard", "HEAD~1");
    return giveUp(`Git refused the tag: ${tagged.text}`, world);
  }
  world.say(`Committed and tagged v${version}. To publish it:

  git push --atomic origin main v${version}

To take it back before that: git tag --delete v${version} && git reset --hard HEAD~1
`);
  return 0;
}

if (import.meta.main) await endWith(await release(process.argv.slice(2), { ...here(), root: process.cwd() }));
