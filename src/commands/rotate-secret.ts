/**
 * `npm run secret:rotate`: a fresh AUTH_SECRET, with the old one accepted beside it for as long as anything that it
 * sealed matters. At each moment the service has a pair of secrets that opens whatever is in use.
 */
import { type Random, systemRandom } from "../platform/random.ts";
import { openCommandDatabase } from "./database.ts";
import { understand } from "./flags.ts";
import { finishDeployed, rotateDeployed } from "./rotate-deployed-secret.ts";
import { finishLocal, rotateLocal } from "./rotate-local-secret.ts";
import { parseSecretFlags, USAGE } from "./secret-flags.ts";
import { here, type Surroundings } from "./surroundings.ts";
import { findWrangler } from "./wrangler.ts";

/** Runs the command. Answers its exit code. */
export async function rotateSecret(
  argv: readonly string[],
  world: Surroundings,
  random: Random = systemRandom,
): Promise<number> {
  const flags = understand(parseSecretFlags(argv), USAGE, world);
  if (typeof flags === "number") return flags;
  const database = openCommandDatabase(flags, world);
  const wrangler = findWrangler(world.root);
  if (database === undefined || wrangler === undefined) return 1;
  const setting = { flags, wrangler, database, world, random };
  if (flags.remote) return flags.finish ? finishDeployed(setting) : rotateDeployed(setting);
  return flags.finish ? finishLocal(setting) : rotateLocal(setting);
}

if (import.meta.main) process.exitCode = await rotateSecret(process.argv.slice(2), here());
