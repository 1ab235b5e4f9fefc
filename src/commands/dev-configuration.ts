/** Checks the configuration values before wrangler starts, whose own output would bury the message. */
import { existsSync } from "node:fs";
import { isAbsent } from "./doctor/absent.ts";
import { examineVariables, type Variables } from "./doctor/variables.ts";
import { readWorker } from "./doctor/worker.ts";

/**
 * Every fault in the values that the Worker will get: those of the configuration file, and over them the `given` ones.
 * None if the file can't be read, because wrangler says what is wrong with it.
 */
export async function faultsOfValues(
  configuration: string,
  environment: string | undefined,
  given: Variables,
): Promise<readonly string[]> {
  if (!existsSync(configuration)) return [];
  const worker = await readWorker(async () => configuration, environment);
  if (isAbsent(worker)) return [];
  const examined = examineVariables({ ...worker.vars, ...given });
  return "faults" in examined ? examined.faults : [];
}
