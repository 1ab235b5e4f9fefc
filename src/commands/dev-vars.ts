/** `.dev.vars`: the configuration of the local service, made where there is none. Never changes a line that exists. */
import { appendFileSync, existsSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { encodeBase64url } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";
import { freshSecret } from "./fresh-secret.ts";

export type DevVarsOutcome = "made" | "completed" | "kept";

/** The file that wrangler reads: that of the environment where there is one. */
export function devVarsPath(folder: string, environment?: string): string {
  const common = join(folder, ".dev.vars");
  const own = `${common}.${environment}`;
  return environment !== undefined && existsSync(own) ? own : common;
}

/** Sees to it that the file exists and has a secret. Several instances may do so at once. */
export function ensureDevVars(path: string, random: Random): DevVarsOutcome {
  const secret = `AUTH_SECRET=${freshSecret(random)}\n`;
  if (makeWhole(path, `ENVIRONMENT=development\n${secret}`, random)) return "made";

  const text = readFileSync(path, "utf8");
  if (parseEnv(text).AUTH_SECRET) return "kept";
  // Where two instances append, both read the last line, and both do so after the migrations.
  appendFileSync(path, text === "" || text.endsWith("\n") ? secret : `\n${secret}`);
  return "completed";
}

/** Whether one of these files sets the variable; a file that is not there sets nothing. */
export function isSetIn(paths: readonly string[], variable: string): boolean {
  return paths.some((path) => existsSync(path) && Boolean(parseEnv(readFileSync(path, "utf8"))[variable]));
}

/** Makes the file unless it exists. It appears with its contents or not at all, so nobody reads half of it. */
function makeWhole(path: string, text: string, random: Random): boolean {
  if (existsSync(path)) return false;
  const draft = `${path}.${encodeBase64url(random.bytes(6))}`;
  writeFileSync(draft, text, { flag: "wx", mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (existsSync(path)) return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}
