/**
 * `npm run release:store`: stores the Worker of a release in this folder, so that the tests can run it on the schema of
 * the next one. It replaces the release that was stored before.
 *
 * Builds the commit that `--ref` names (a tag, for example; HEAD by default), with the packages installed here.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { migrationsIn, type Release, STORE } from "./stored-release.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Files that wrangler writes beside the Worker, but that the tests don't need. */
const NOT_STORED = /\.map$|^README\.md$/;

const { ref } = parseArgs({ options: { ref: { type: "string", default: "HEAD" } } }).values;
const git = (...words: string[]) => execFileSync("git", words, { cwd: ROOT, maxBuffer: 2 ** 30 });
const commit = git("rev-parse", "--verify", `${ref}^{commit}`).toString().trim();
const tree = mkdtempSync(join(tmpdir(), "postern-release-"));
try {
  execFileSync("tar", ["-x", "-C", tree], { input: git("archive", commit) });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  const wrangler = [join(ROOT, "node_modules/wrangler/bin/wrangler.js"), "deploy", "--dry-run", "--outdir", "worker"];
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  execFileSync(process.execPath, wrangler, { cwd: tree, env, stdio: ["ignore", "ignore", "inherit"] });
  const { version } = JSON.parse(readFileSync(join(tree, "package.json"), "utf8"));
  process.stdout.write(`${store(version)}\n`);
} finally {
  rmSync(tree, { recursive: true });
}

/** Stores the built Worker. Returns a sentence about what was stored. */
function store(version: string): string {
  for (const entry of readdirSync(STORE, { withFileTypes: true }))
    if (entry.isDirectory()) rmSync(join(STORE, entry.name), { recursive: true });
  const folder = join(STORE, version);
  mkdirSync(join(folder, "worker"), { recursive: true });
  const files = readdirSync(join(tree, "worker")).filter((name) => !NOT_STORED.test(name));
  for (const name of files)
    writeFileSync(
      join(folder, "worker", `${name}.gz`),
      gzipSync(readFileSync(join(tree, "worker", name)), { level: 9 }),
    );
  writeFileSync(join(folder, "wrangler.toml"), readFileSync(join(tree, "wrangler.toml")));
  const release: Release = { version, commit, migrations: migrationsIn(tree) };
  writeFileSync(join(folder, "release.json"), `${JSON.stringify(release, null, 2)}\n`);
  const known = Object.keys(release.migrations).length;
  return `Stored ${version} (${commit.slice(0, 7)}), which knows ${known} migrations, in ${folder}`;
}
