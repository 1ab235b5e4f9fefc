/** Checks the configuration values before wrangler starts, because wrangler's output would bury the message. */
import { existsSync } from "node:fs";
import { variables } from "../config/settings/admin-path.ts";
import { isAbsent } from "./doctor/absent.ts";
import { examineVariables, type Variables } from "./doctor/variables.ts";
import { readWorker } from "./doctor/worker.ts";

interface Examined {
  faults: readonly string[];
  /** Where the console will be, if it is on. */
  adminPath: string | undefined;
}

const UNREAD: Examined = { faults: [], adminPath: variables.ADMIN_PATH.parse(undefined) };

/**
 * Examines the values that the Worker will get: those of the configuration file, overridden by `given`. If the file
 * can't be read, returns no fault, because wrangler says what is wrong with the file.
 */
export async function examineValues(
  configuration: string,
  environment: string | undefined,
  given: Variables,
): Promise<Examined> {
  if (!existsSync(configuration)) return UNREAD;
  const worker = await readWorker(async () => configuration, environment);
  if (isAbsent(worker)) return UNREAD;
  const examined = examineVariables({ ...worker.vars, ...given });
  if ("faults" in examined) return { ...UNREAD, faults: examined.faults };
  return { faults: [], adminPath: examined.config.adminPath };
}
