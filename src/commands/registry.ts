/**
 * The registry of local Workers: a folder in which Workers that run on this machine find each other by name. Each
 * Postern has a registry of its own. In wrangler's default registry, which is one for the whole machine, a Worker could
 * find the wrong Postern.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { MINUTE, systemClock } from "../platform/clock.ts";
import { parseJson } from "../platform/encoding.ts";
import { isFree } from "./ports.ts";

/** Wrangler renews the entry of a running Worker much more often than this. */
const STALE_AFTER = 2 * MINUTE;

const entrySchema = z.object({ debugPortAddress: z.string().regex(/:\d{1,5}$/) });

/** The registry of a Postern: the folder in its state, unless the user names another one. */
export function registryOf(state: string): string {
  return resolve(process.env.WRANGLER_REGISTRY_PATH ?? join(state, "registry"));
}

/** The environment variable that makes wrangler use this registry. */
export function inRegistry(registry: string): NodeJS.ProcessEnv {
  return { WRANGLER_REGISTRY_PATH: registry };
}

/** Whether a running Worker is registered under this name. The entry of a Worker that crashed stays in the folder. */
export async function isRegistered(registry: string, name: string): Promise<boolean> {
  const path = join(registry, name);
  if (!existsSync(path) || statSync(path).mtimeMs < systemClock.now() - STALE_AFTER) return false;
  const entry = entrySchema.safeParse(parseJson(readFileSync(path, "utf8")));
  if (!entry.success) return false;
  const { hostname, port } = new URL(`http://${entry.data.debugPortAddress}`);
  return !(await isFree(Number(port), hostname));
}

/** The Worker's name in its configuration file. Recognizes it only in TOML. */
export function nameIn(configuration: string, environment?: string): string | undefined {
  const text = existsSync(configuration) ? readFileSync(configuration, "utf8") : "";
  const name = /^name\s*=\s*["']([\w-]+)["']/m.exec(text)?.[1];
  return name === undefined || environment === undefined ? name : `${name}-${environment}`;
}
