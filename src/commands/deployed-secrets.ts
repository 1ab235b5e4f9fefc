/** The secrets of the deployed Worker as a command reaches them: their names can be read, their values only set. */
import * as z from "zod";
import type { Failed } from "./database.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Finished, Wrangler } from "./wrangler.ts";

export interface DeployedSecrets {
  /** The names of all that are set. Where they can't be read, what wrangler said has been shown. */
  names(): Promise<Set<string> | Failed>;
  /** Sets secrets, and deletes those that are `null`: all of them or none. The values go through a pipe. */
  change(values: Record<string, string | null>): Promise<Failed | undefined>;
}

const listSchema = z.array(z.object({ name: z.string() }));

export function openDeployedSecrets(wrangler: Wrangler, { stop, complain }: Surroundings): DeployedSecrets {
  const fail = ({ code, output, complaints }: Finished): Failed => {
    complain(`${output}${complaints}\n`);
    return { failed: code === 0 ? 1 : code };
  };
  return {
    async names() {
      const finished = await wrangler.run(["secret", "list", "--format=json"], stop);
      const listed = finished.code === 0 ? listSchema.safeParse(parseJson(finished.output)) : undefined;
      return listed?.success ? new Set(listed.data.map(({ name }) => name)) : fail(finished);
    },
    async change(values) {
      // One request, which Cloudflare carries out as a whole: wrangler sends it as one JSON merge patch.
      const finished = await wrangler.run(["secret", "bulk"], stop, JSON.stringify(values));
      return finished.code === 0 ? undefined : fail(finished);
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
