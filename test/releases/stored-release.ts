/** The release that `npm run release:store` stored last. */
import { createHash } from "node:crypto";
import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

export const STORE = import.meta.dirname;

export interface Release {
  version: string;
  commit: string;
  /** The release's migrations, by file name: the SHA-256 of each file. */
  migrations: Record<string, string>;
}

/** The migrations in a folder with the sources, in order. */
export function migrationsIn(tree: string): Record<string, string> {
  const files = globSync(join(tree, "migrations/*.sql")).toSorted();
  const digest = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  return Object.fromEntries(files.map((path) => [basename(path), digest(path)]));
}

const [folder = ""] = globSync(join(STORE, "*/release.json")).map((path) => join(path, ".."));

export const storedRelease: Release = JSON.parse(readFileSync(join(folder, "release.json"), "utf8"));

/** Unpacks the release's Worker and configuration into the folder `to`. */
export function unpackRelease(to: string): void {
  mkdirSync(join(to, "worker"), { recursive: true });
  for (const name of readdirSync(join(folder, "worker"))) {
    const content = gunzipSync(readFileSync(join(folder, "worker", name)));
    writeFileSync(join(to, "worker", name.replace(/\.gz$/, "")), content);
  }
  cpSync(join(folder, "wrangler.toml"), join(to, "wrangler.toml"));
}
