/** The configuration values of the examined service, as far as this machine can know them. */
import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { type Config, ConfigurationError, environment, parseConfig } from "../../config/config.ts";

export type Variables = Readonly<Record<string, unknown>>;

/** Made-up values for secrets that are set but can't be read. They are strong enough to be accepted. */
const UNREADABLE: Readonly<Record<string, string>> = {
  AUTH_SECRET: "Wq7Zk2vT9xRb4mLc8nYh3pJd6fGs1aQe5uXiOoVt",
  AUTH_SECRET_PREVIOUS: "Ht5Xo1bQy8cNw3kVe7rPz2mJu6gLs9dFa4iTqRvB",
};

/** Returns made-up values for secrets of which only the names are known. */
export function unreadableSecrets(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, UNREADABLE[name] ?? "a-value-that-cannot-be-read"]));
}

/** The lines of a file like `.dev.vars`, or `undefined` if there is no such file. */
export function readVariables(path: string): Record<string, string> | undefined {
  if (!existsSync(path)) return undefined;
  const entries = Object.entries(parseEnv(readFileSync(path, "utf8")));
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** The parsed configuration, or every fault in the values. */
export function examineVariables(values: Variables): { config: Config } | { faults: string[] } {
  try {
    return { config: parseConfig(values) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { faults: [...error.faults, ...hiddenFaults(values, error.faults)] };
  }
}

/**
 * Returns contradictions between values. The service reports them only if each single value is right. This function
 * finds them earlier: it leaves out the wrong values and parses the others.
 */
function hiddenFaults(values: Variables, faults: readonly string[]): string[] {
  const wrong = faults.map((fault) => /^[A-Z_]+/.exec(fault)?.[0] ?? "");
  // `ENVIRONMENT` decides which other values are needed.
  if (wrong.includes("ENVIRONMENT")) return [];
  const others = Object.entries(values).filter(([name]) => !wrong.includes(name));
  const secret = wrong.includes("AUTH_SECRET") ? unreadableSecrets(["AUTH_SECRET"]) : {};
  try {
    parseConfig({ ...Object.fromEntries(others), ...secret });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.faults.filter((fault) => !wrong.some((name) => fault.includes(name)));
  }
}

/** Names that Postern does not know, such as misspelled ones: it ignores them. */
export function unknownNames(values: Variables): string[] {
  return Object.keys(values).filter((name) => !Object.hasOwn(environment.shape, name));
}
