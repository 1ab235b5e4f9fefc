/** Compares the installed Node, wrangler and other packages with those that this release needs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { parseJson } from "../../platform/encoding.ts";
import type { Examination } from "./examination.ts";
import { type Finding, failed, ok, warning } from "./finding.ts";

const MEND = "Run `npm ci`.";

const dependencies = z.record(z.string(), z.string()).default({});
const manifestSchema = z.object({ version: z.string().optional(), dependencies, devDependencies: dependencies });
const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      optional: z.boolean().default(false),
      devOptional: z.boolean().default(false),
      peer: z.boolean().default(false),
      link: z.boolean().default(false),
      dependencies,
      devDependencies: dependencies,
    }),
  ),
});

/** Compares the running Node with the one that package.json pins. */
export function checkNode({ world: { root } }: Pick<Examination, "world">, running = process.versions.node): Finding {
  const needed = readManifest(root)?.devDependencies.node ?? "";
  if (running === needed) return ok(`Node ${running}, as package.json pins it.`);
  const message = `This is Node ${running}, and package.json pins ${needed}.`;
  return majorOf(running) < majorOf(needed)
    ? failed(message, "Run `npm ci`, then start the command by `npm run`.")
    : warning(message, "Run `npm ci`, then start the command by `npm run`. A newer Node mostly works.");
}

export function checkWrangler({ world: { root } }: Pick<Examination, "world">): Finding {
  const needed = readManifest(root)?.devDependencies.wrangler ?? "";
  const installed = readManifest(join(root, "node_modules", "wrangler"))?.version;
  if (installed === needed) return ok(`wrangler ${installed}, as package.json pins it.`);
  if (installed === undefined) return failed(`wrangler is not installed. package.json pins ${needed}.`, MEND);
  return failed(`wrangler ${installed} is installed, and package.json pins ${needed}.`, MEND);
}

/** Compares package-lock.json with package.json and with the installed packages. */
export function checkPackages({ world: { root } }: Pick<Examination, "world">): Finding {
  const manifest = readManifest(root);
  const lock = lockSchema.safeParse(readJson(join(root, "package-lock.json")));
  if (manifest === undefined || !lock.success)
    return failed(
      "package.json or package-lock.json can't be read.",
      "Restore them: `git checkout package.json package-lock.json`.",
    );
  const { "": locked, ...packages } = lock.data.packages;
  const isSame = (["dependencies", "devDependencies"] as const).every((kind) =>
    sameRecord(manifest[kind], locked?.[kind] ?? {}),
  );
  if (!isSame) return failed("package-lock.json is not the one of package.json.", "Run `npm install`.");

  const wrong: string[] = [];
  for (const [path, { version, optional, devOptional, peer, link }] of Object.entries(packages)) {
    const installed = readManifest(join(root, path))?.version;
    // These may be missing: packages for other systems, and peers that no package needs.
    const mayLack = optional || devOptional || peer || link;
    if (installed === version || (installed === undefined && mayLack)) continue;
    wrong.push(`${path.replace(/^.*node_modules\//, "")} (${installed ?? "missing"} instead of ${version})`);
  }
  if (wrong.length === 0) return ok(`${Object.keys(packages).length} packages are as package-lock.json names them.`);
  const more = wrong.length > 3 ? `, and ${wrong.length - 3} more` : "";
  return failed(`Installed packages differ from package-lock.json: ${wrong.slice(0, 3).join(", ")}${more}.`, MEND);
}

function readManifest(folder: string) {
  return manifestSchema.safeParse(readJson(join(folder, "package.json"))).data;
}

function readJson(path: string): unknown {
  return existsSync(path) ? parseJson(readFileSync(path, "utf8")) : undefined;
}

function sameRecord(left: Record<string, string>, right: Record<string, string>): boolean {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => left[name] === right[name]);
}

function majorOf(version: string): number {
  return Number(version.split(".")[0]);
}
