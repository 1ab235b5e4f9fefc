/**
 * Runs before every npm script. If packages are missing, says what to do, so that the script does not end in a stack
 * trace. Then makes Node load code faster. This file is JavaScript with only old syntax: before `npm ci`, it runs in
 * the machine's own Node, which may be too old for TypeScript.
 */
"use strict";

const fs = require("node:fs");
const nodeModule = require("node:module");
const path = require("node:path");

/** The first Node that has everything the commands use: TypeScript without a flag, and `import.meta.main`. */
const NODE = [24, 2];
/** Packages whose program comes in an optional package, one for each platform. */
const WITH_PROGRAMS = ["workerd", "esbuild", "rolldown", "typescript", "@biomejs/biome"];

const root = path.resolve(__dirname, "../..");
const packages = path.join(root, "node_modules");

const trouble = findTrouble();
if (trouble !== undefined) {
  process.stderr.write(`${trouble}\n`);
  process.exit(1);
}

// The environment variable is for the programs that the script starts. Compiling wrangler takes longer than most of
// wrangler's commands.
process.env.NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE || path.join(packages, ".cache/compiled");
if (nodeModule.enableCompileCache) nodeModule.enableCompileCache();
// For each file of drizzle-orm, Node reads the package.json of drizzle-orm (180 kB) again, to see that the file is a
// module. In total, this takes longer than most commands.
if (nodeModule.registerHooks) nodeModule.registerHooks({ resolve: resolveInDrizzle });

function resolveInDrizzle(specifier, context, next) {
  const from = context.parentURL || "";
  const isInside = from.indexOf("/node_modules/drizzle-orm/") !== -1 && /^\..*\.js$/.test(specifier);
  if (!isInside) return next(specifier, context);
  return { url: new URL(specifier, from).href, format: "module", shortCircuit: true };
}

/** Returns why the scripts can't run and what to do about it, or `undefined` if they can. */
function findTrouble() {
  const named = readManifest(root);
  const names = Object.keys(Object.assign({}, named.dependencies, named.devDependencies));
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === names.length) return `The packages are not installed yet. Run \`${installation()}\` first.`;
  if (missing.length > 0) {
    const some = missing.slice(0, 3).join(", ") + (missing.length > 3 ? ", …" : "");
    return `Packages are missing (${some}). Run \`${installation()}\`.`;
  }

  const idle = WITH_PROGRAMS.filter((name) => !hasProgram(name));
  if (idle.length > 0) {
    return `The programs of ${idle.join(", ")} for this machine are missing. Run \`${installation()}\` on this machine.`;
  }

  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return undefined;
  return `This is Node ${process.versions.node}, and Postern's scripts need Node ${NODE.join(".")} or newer, which an install
script of the package "node" fetches. Probably install scripts were disabled: run \`${installation()} --ignore-scripts=false\`.`;
}

function isInstalled(name) {
  return fs.existsSync(path.join(packages, name, "package.json"));
}

/** Whether the package has its program for this system. Also true if the package is not installed. */
function hasProgram(name) {
  return (
    !isInstalled(name) ||
    Object.keys(readManifest(path.join(packages, name)).optionalDependencies).some((each) => {
      if (!isInstalled(each)) return false;
      const { os, cpu } = readManifest(path.join(packages, each));
      return (!os || os.includes(process.platform)) && (!cpu || cpu.includes(process.arch));
    })
  );
}

function readManifest(folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
}

/** `npm ci`, with flags to include the packages that this machine's settings would leave out. */
function installation() {
  const { NODE_ENV, npm_config_omit = "" } = process.env;
  const settings = NODE_ENV === "production" ? `dev ${npm_config_omit}` : npm_config_omit;
  const omitted = ["dev", "optional"].filter((kind) => settings.includes(kind));
  return ["npm ci"].concat(omitted.map((kind) => `--include=${kind}`)).join(" ");
}
