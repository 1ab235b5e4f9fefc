/** Reads and merges the tables of a TOML configuration. */
import * as z from "zod";
import { describeError } from "../../platform/log.ts";
import { StepFailed } from "./step-failed.ts";

export type Table = Record<string, unknown>;

/** Reads a TOML file as a table. */
export async function readToml(path: string): Promise<Table> {
  const { experimental_readRawConfig } = await import("wrangler");
  try {
    return { ...experimental_readRawConfig({ config: path }).rawConfig };
  } catch (error) {
    throw new StepFailed(`${path} is not valid TOML: ${placeOf(error)}${describeError(error)}`);
  }
}

/** Wrangler's errors have the line of the mistake. */
function placeOf(error: unknown): string {
  const found = z.object({ location: z.object({ line: z.number() }) }).safeParse(error);
  return found.success ? `line ${found.data.location.line}: ` : "";
}

/** The keys that identify an entry of a list in wrangler's configuration. */
const KEYS = ["binding", "name", "queue"];

/**
 * Merges tables key by key, and lists of bindings entry by entry. Every other value or list in `own` replaces the one
 * in `common`.
 */
export function mergeTables(common: object, own: object): Table {
  const result: Table = { ...common };
  for (const [key, value] of Object.entries(own)) result[key] = mergeValues(result[key], value);
  return result;
}

function mergeValues(common: unknown, own: unknown): unknown {
  if (isTable(common) && isTable(own)) return mergeTables(common, own);
  if (!Array.isArray(common) || !Array.isArray(own)) return own;
  const entries: unknown[] = [...common, ...own];
  const tables = entries.filter(isTable);
  const key = KEYS.find((name) => tables.every((entry) => name in entry));
  if (key === undefined || tables.length < entries.length) return own;
  const names = new Set(tables.map((entry) => entry[key]));
  return [...names].map((name) => tables.filter((entry) => entry[key] === name).reduce(mergeTables));
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
