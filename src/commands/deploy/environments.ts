/** The environments to which an operator deploys: their names, and the file that each has of its own. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The environment that is meant if none is named. It has the names in `wrangler.toml`; others add their own to them. */
export const PRODUCTION = "production";

/**
 * Short enough for the longest queue name, and without the word by which the Worker knows the audit queue. Names with
 * "dead" or "commands" would collide: with another environment's dead-letter queues, and with the preview Worker of
 * commands.
 */
const ENVIRONMENT_NAME = /^(?!.*audit)(?!dead(?:-|$))(?!(?:.*-)?commands$)[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?$/;

/** What is wrong with the name of an environment, if anything. */
export function faultOfEnvironment(name: string): string | undefined {
  if (ENVIRONMENT_NAME.test(name)) return undefined;
  return `--env takes up to 20 lower-case letters, digits and dashes. It begins with a letter, does not contain "audit", and is
neither "dead" nor "commands".`;
}

/** The operator's file of an environment. */
export function deploymentPath(root: string, environment: string): string {
  return join(root, "deployments", `${environment}.toml`);
}

/** What is wrong with asking for a deployed environment, if anything: production may be in `wrangler.toml` alone. */
export function faultOfDeployment(root: string, environment: string | undefined): string | undefined {
  if (environment === undefined || environment === PRODUCTION) return undefined;
  const path = deploymentPath(root, environment);
  return existsSync(path) ? undefined : `There is no ${path}: \`npm run deploy -- --env ${environment}\` makes it.`;
}
