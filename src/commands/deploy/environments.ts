/** The environments that an operator deploys to: their names, and the configuration file of each. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * The default environment. Its resources have the names in `wrangler.toml`. Other environments append their own name to
 * these names.
 */
export const PRODUCTION = "production";

/**
 * A name of an environment. It is short, because Cloudflare limits the length of queue names. It does not contain
 * "audit", because the Worker recognizes the audit queue by this word. Its first word is not "dead": the queues of an
 * environment "dead-x" would have the same names as the dead-letter queues of "x". Its last word is not "commands": the
 * Worker of "x-commands" would have the same name as the preview Worker that commands use for "x".
 */
const ENVIRONMENT_NAME = /^(?!.*audit)(?!dead(?:-|$))(?!(?:.*-)?commands$)[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?$/;

/** What is wrong with the name of an environment, if anything. */
export function faultOfEnvironment(name: string): string | undefined {
  if (ENVIRONMENT_NAME.test(name)) return undefined;
  return `--env takes up to 20 lower-case letters, digits and dashes. The name begins with a letter and ends with a letter or
digit. It does not contain "audit", does not begin with the word "dead", and does not end with the word "commands".`;
}

/** The path of the operator's file for an environment. */
export function deploymentPath(root: string, environment: string): string {
  return join(root, "deployments", `${environment}.toml`);
}

/** What is wrong with the name of a deployed environment, if anything. Production needs no file of its own. */
export function faultOfDeployment(root: string, environment: string | undefined): string | undefined {
  if (environment === undefined || environment === PRODUCTION) return undefined;
  const path = deploymentPath(root, environment);
  return existsSync(path) ? undefined : `There is no ${path}: \`npm run deploy -- --env ${environment}\` makes it.`;
}
