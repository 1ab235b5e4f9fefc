/**
 * `npm run container:build` makes the folder that the container's image contains: the compiled Worker, its assets and
 * migrations, workerd with its configuration, and scripts that start, back up and restore the service. The image needs
 * no Node.js.
 */
import { execFileSync } from "node:child_process";
import {
  constants,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { unstable_readConfig } from "wrangler";
import { environment, RETIRED_VARIABLES } from "../config/config.ts";
import { buildGateway } from "./bundles.ts";
import { containerConfig, databaseFile, PROXY_VARIABLES } from "./container-config.ts";

const SCRIPTS = ["start", "backup", "restore", "volume.sh"];

export async function buildContainer(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const place = (name: string) => join(folder, name);

  bundleWorker(place("worker"));
  await buildGateway(folder);
  cpSync("public", place("assets"), { recursive: true });
  for (const name of SCRIPTS) copyFileSync(join("container", name), place(name));
  mkdirSync(place("migrations"));
  for (const name of readdirSync("migrations").filter((name) => name.endsWith(".sql")))
    copyFileSync(join("migrations", name), join(folder, "migrations", name));
  placeWorkerd(place("workerd"));

  const modules = readdirSync(place("worker")).sort((name) => (name === "index.js" ? -1 : 1));
  const variables = [...Object.keys(environment.shape), ...Object.keys(RETIRED_VARIABLES)];
  const config = containerConfig(unstable_readConfig({ config: "wrangler.toml" }, { hideWarnings: true }), {
    modules,
    variables,
    headers: readFileSync("public/_headers", "utf8"),
    ignored: readFileSync("public/.assetsignore", "utf8"),
  });
  writeFileSync(place("postern.capnp"), config);
  writeFileSync(place("variables"), `${[...variables, ...PROXY_VARIABLES].join("\n")}\n`);
  writeFileSync(place("database"), `${databaseFile()}\n`);
}

function bundleWorker(folder: string): void {
  const wrangler = join("node_modules", "wrangler", "bin", "wrangler.js");
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  execFileSync(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", folder], { env, stdio: "pipe" });
  for (const name of ["README.md", "index.js.map"]) rmSync(join(folder, name), { force: true });
}

/** Copies the container's workerd, which is newer than wrangler's. The container's tests also run this workerd. */
function placeWorkerd(path: string): void {
  const source = workerdBinary();
  try {
    linkSync(source, path);
  } catch {
    copyFileSync(source, path, constants.COPYFILE_FICLONE);
  }
}

function workerdBinary(): string {
  const packageFile = createRequire(import.meta.url).resolve("workerd-container/package.json");
  const architecture = { arm64: "arm64", x64: "64" }[process.arch as string];
  return createRequire(packageFile).resolve(`@cloudflare/workerd-${process.platform}-${architecture}/bin/workerd`);
}

if (import.meta.main) await buildContainer(resolve("dist/container"));
