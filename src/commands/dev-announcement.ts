/** Tells the developer that the started service is ready, and where everything is. */
import { relative } from "node:path";
import { pause, SECOND } from "../platform/clock.ts";
import type { DevFlags } from "./dev-flags.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Ready } from "./wrangler.ts";

/** How long a started service may take to become healthy before the command reports it. */
const PATIENCE = 15 * SECOND;
const POLL_PAUSE = 200;
/** This path answers 200 once the service and its storage work. */
const READY = "/health/ready";
const WILDCARDS = new Set(["0.0.0.0", "[::]", "::", "*"]);

interface Places {
  state: string;
  registry: string;
  /** The path of the console, if it is on. */
  adminPath: string | undefined;
}

/** Waits until the service answers, and says where everything is. */
export async function announce(
  { hostname, port }: Ready,
  flags: DevFlags,
  exited: Promise<number>,
  world: Surroundings & Places,
): Promise<void> {
  const origin = `${flags.scheme}://${WILDCARDS.has(hostname) ? "localhost" : hostname}:${port}`;
  let ended = false;
  const end = exited.then(() => {
    ended = true;
  });
  // With https, `fetch` would refuse the self-signed certificate, so wrangler's own ready message has to be enough.
  for (let waited = 0; flags.scheme === "http" && !(await isHealthy(origin)); waited += POLL_PAUSE) {
    if (waited === PATIENCE) world.complain(`${origin}${READY} does not answer as it should. Still waiting.\n`);
    await Promise.race([end, pause(POLL_PAUSE)]);
    if (ended || world.stop.aborted) return;
  }
  world.say(banner(origin, { ...world, registry: relative(world.root, world.registry) }));
}

async function isHealthy(origin: string): Promise<boolean> {
  try {
    return (await fetch(`${origin}${READY}`, { signal: AbortSignal.timeout(5 * SECOND) })).ok;
  } catch {
    return false;
  }
}

/** What the developer needs to know once everything runs. */
function banner(origin: string, { state, registry, adminPath }: Places): string {
  const admin =
    adminPath === undefined
      ? ""
      : `\n  Console  ${origin}${adminPath}  (for operators: npm run admin:create makes the first one)`;
  return `
Postern is running.

  API      ${origin}/api/v1
  Pages    ${origin}/login  (for people: log in, register, manage an account)
  Docs     ${origin}/docs
  Outbox   ${origin}/dev/outbox  (the emails that would have been sent)
  Brand    ${origin}/dev/brand  (try out your name, logo and colors)${admin}
  Health   ${origin}/health
  State    ${state}  (delete it to start over)
  Registry ${registry}  (where other Workers find this one: WRANGLER_REGISTRY_PATH)

Ctrl-C stops it.

`;
}
