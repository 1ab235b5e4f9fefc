/** Counts messages in deployed queues (https://developers.cloudflare.com/api/resources/queues/methods/get_metrics). */
import * as z from "zod";
import { chooseAccount, findLogin } from "../deploy/account.ts";
import { openCloudflare } from "../deploy/cloudflare.ts";
import { StepFailed } from "../deploy/step-failed.ts";
import type { Surroundings } from "../surroundings.ts";
import { findWrangler, NOT_INSTALLED } from "../wrangler.ts";
import type { Absent } from "./absent.ts";

interface Depth {
  queue: string;
  /** `undefined` if there is no such queue. */
  depth: number | undefined;
}

const queueSchema = z.object({ queue_id: z.string(), queue_name: z.string() });
const metricsSchema = z.object({ backlog_count: z.number() });

const HOW = "The login must be allowed to read queues. docs/deploy.md lists what a token needs.";

/** Asks Cloudflare's API with wrangler's login. The numbers are approximate. */
export async function askForDepths(
  queues: readonly string[],
  accountId: string | undefined,
  world: Surroundings,
): Promise<Depth[] | Absent> {
  const wrangler = findWrangler(world.root);
  if (wrangler === undefined) return { absent: NOT_INSTALLED, remedy: "Run `npm ci`." };
  try {
    const cloudflare = openCloudflare(await findLogin(wrangler, world), world.stop);
    const { id: account } = await chooseAccount(cloudflare, { account_id: accountId }, world, false);
    const path = `/accounts/${account}/queues`;
    const known = await cloudflare.list(`${path}?per_page=100`, queueSchema);
    return await Promise.all(
      queues.map(async (queue) => {
        const id = known.find(({ queue_name }) => queue_name === queue)?.queue_id;
        const metrics = id === undefined ? undefined : await cloudflare.find(`${path}/${id}/metrics`, metricsSchema);
        return { queue, depth: metrics?.backlog_count };
      }),
    );
  } catch (error) {
    if (error instanceof StepFailed) return { absent: error.message, remedy: HOW };
    throw error;
  }
}
