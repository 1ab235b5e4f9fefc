/** Creates or completes `.dev.vars`, the configuration of the local service. Never changes existing lines. */
import { appendFileSync, existsSync, linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { encodeBase64url } from "../platform/encoding.ts";
import type { Random } from "../platform/random.ts";

/** The length of a secret in bytes: longer than any key that is derived from the secret. */
const SECRET_BYTES = 48;

export type DevVarsOutcome = "made" | "completed" | "kept";

/** A new `AUTH_SECRET`, in base64url. */
export function freshSecret(random: Random): string {
  return encodeBase64url(random.bytes(SECRET_BYTES));
}

/** The file that wrangler reads: `.dev.vars.<environment>` if it exists, otherwise `.dev.vars`. */
export function devVarsPath(folder: string, environment?: string): string {
  const common = join(folder, ".dev.vars");
  const own = `${common}.${environment}`;
  return environment !== undefined && existsSync(own) ? own : common;
}

/** Makes sure that the file exists and has a secret. Several instances may do this at once. */
export function ensureDevVars(path: string, random: Random): DevVarsOutcome {
  const secret = `AUTH_SECRET=${freshSecret(random)}\n`;
  if (makeWhole(path, `ENVIRONMENT=development\n${secret}`, random)) return "made";

  const text = readFileSync(path, "utf8");
  if (parseEnv(text).AUTH_SECRET) return "kept";
  // Two instances may each append a line. Both then use the last line, because wrangler reads the file only after the
  // migrations.
  appendFileSync(path, text === "" || text.endsWith("\n") ? secret : `\n${secret}`);
  return "completed";
}

/** Makes the file unless it exists. It appears with its whole contents, so no other process reads half of it. */
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
