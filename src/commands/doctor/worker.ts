/** The Worker as its configuration file describes it. */
import type { Unstable_Config } from "wrangler";
import type { Absent } from "./absent.ts";

/** The parts that the checks read. */
export type Worker = Pick<
  Unstable_Config,
  | "account_id"
  | "assets"
  | "d1_databases"
  | "durable_objects"
  | "kv_namespaces"
  | "migrations"
  | "name"
  | "queues"
  | "send_email"
  | "triggers"
  | "vars"
>;

/**
 * Reads the configuration file whose path `findFile` returns: `wrangler.toml`, or a file generated from it. If
 * `environment` is given, reads that environment of the file.
 */
export async function readWorker(findFile: () => Promise<string>, environment?: string): Promise<Worker | Absent> {
  const { unstable_readConfig } = await import("wrangler");
  try {
    return unstable_readConfig({ config: await findFile(), env: environment }, { hideWarnings: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    return {
      absent: `The configuration can't be read: ${reason}.`,
      remedy: "Correct it, or take it from the release.",
      isFault: true,
    };
  }
}
