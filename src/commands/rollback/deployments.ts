/** The deployments of a Worker, as `wrangler deployments list` has them: its ten newest. */
import * as z from "zod";
import { parseJson } from "../../platform/encoding.ts";
import type { Fault } from "../flags.ts";

/** A version of the Worker that is or was live. */
export interface Deployed {
  versionId: string;
  deployedAt?: string;
  message?: string | undefined;
}

const listSchema = z.array(
  z.object({
    created_on: z.iso.datetime({ offset: true }),
    annotations: z.object({ "workers/message": z.string().optional() }).nullish(),
    versions: z.array(z.object({ version_id: z.string(), percentage: z.number() })).min(1),
  }),
);

type Deployments = z.output<typeof listSchema>;

/** Newest first, or `undefined` if the output is no list of deployments. */
export function readDeployments(output: string): Deployments | undefined {
  const read = listSchema.safeParse(parseJson(output));
  return read.success
    ? read.data.toSorted((left, right) => Date.parse(right.created_on) - Date.parse(left.created_on))
    : undefined;
}

/**
 * Finds the live versions, and the version to make live: `wanted`, or by default the version that was the last to be
 * live alone, except the one that is live alone now.
 */
export function chooseVersions(
  deployments: Deployments,
  wanted: string | undefined,
): { live: Deployed[]; target: Deployed } | Fault {
  const [current] = deployments;
  if (current === undefined) return { fault: "This Worker has no deployment yet." };
  const live = current.versions.map(({ version_id }) => describe(version_id, current));
  const isLiveAlone = (id: string) => live.length === 1 && live[0]?.versionId === id;
  if (wanted !== undefined && isLiveAlone(wanted)) return { fault: `${wanted} is live already.` };
  const earlier = deployments.find(({ versions: [first, ...others] }) => {
    const isMeant = wanted === undefined ? others.length === 0 : first?.version_id === wanted;
    return first !== undefined && isMeant && !isLiveAlone(first.version_id);
  });
  const [found] = earlier?.versions ?? [];
  if (earlier !== undefined && found !== undefined) return { live, target: describe(found.version_id, earlier) };
  if (wanted !== undefined) return { live, target: { versionId: wanted } };
  return {
    fault:
      "The newest ten deployments hold no other version. `npx wrangler versions list` shows more: name one with --to.",
  };
}

function describe(versionId: string, { created_on, annotations }: Deployments[number]): Deployed {
  return { versionId, deployedAt: created_on, message: annotations?.["workers/message"] };
}
