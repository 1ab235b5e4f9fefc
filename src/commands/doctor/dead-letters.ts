/** Checks whether the dead-letter queues are empty. Messages that failed for good wait there for the operator. */

import { isAbsent } from "./absent.ts";
import { deadLetterQueues } from "./bindings.ts";
import { counted } from "./database.ts";
import type { Examination } from "./examination.ts";
import { type Finding, failed, ok, skipped, warning } from "./finding.ts";
import { askForDepths } from "./queue-depths.ts";

const LOOK = "docs/operate.md says what fails for good. `npx wrangler queues info` and the dashboard show the queue.";

export async function checkDeadLetters({ parts, wish, world }: Examination): Promise<Finding | Finding[]> {
  if (wish.kind === "local")
    return skipped(
      "The queues of `npm run dev` end with it, and can't be read from outside.",
      "Look for mail_failed and mail_refused in its log.",
    );
  if (wish.kind === "url")
    return skipped(
      "HTTP does not show the queues.",
      "Run this with --remote, in the checkout that the service was deployed from.",
    );
  const worker = await parts.worker;
  if (isAbsent(worker)) return skipped("The configuration can't be read.", "Fix what the check `bindings` says.");
  const depths = await askForDepths(deadLetterQueues(worker), worker.account_id, world);
  if (isAbsent(depths)) return skipped(depths.absent, depths.remedy);
  return depths.map(({ queue, depth }) => {
    if (depth === undefined)
      return failed(`There is no queue ${queue}.`, `Run \`npx wrangler queues create ${queue}\`.`);
    // Cloudflare calls its numbers approximate.
    return depth === 0 ? ok(`${queue} is empty.`) : warning(`${queue} holds about ${counted(depth, "message")}.`, LOOK);
  });
}
