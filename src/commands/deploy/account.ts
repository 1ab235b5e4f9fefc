/** Who deploys, and where: wrangler's login, the Cloudflare account, and the addresses that a Worker can have in it. */
import * as z from "zod";
import type { Surroundings } from "../surroundings.ts";
import type { Wrangler } from "../wrangler.ts";
import { type Cloudflare, type Login, readLogin } from "./cloudflare.ts";
import { type Deployment, isWorkersDev } from "./configuration.ts";
import { StepFailed } from "./step-failed.ts";

const accountSchema = z.object({ id: z.string(), name: z.string() });

/** Returns wrangler's login, which comes from `wrangler login` or from CLOUDFLARE_API_TOKEN. */
export async function findLogin(wrangler: Wrangler, { stop }: Surroundings): Promise<Login> {
  const { output } = await wrangler.run(["auth", "token", "--json"], stop);
  const login = readLogin(output);
  if (login !== undefined) return login;
  throw new StepFailed(`You are not logged in to Cloudflare. Run \`npx wrangler login\`, which opens a browser. Without a browser, set
CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID; docs/deploy.md lists the permissions that the token needs.`);
}

/**
 * Returns the account that CLOUDFLARE_ACCOUNT_ID or the operator's file names. If neither names an account, returns the
 * login's only account, or asks the operator to choose.
 */
export async function chooseAccount(
  cloudflare: Cloudflare,
  { account_id: written }: { account_id?: string | undefined },
  { ask, say }: Surroundings,
  isAsking: boolean,
): Promise<{ id: string; name?: string }> {
  const given = process.env.CLOUDFLARE_ACCOUNT_ID;
  if (given && written && given !== written)
    throw new StepFailed(
      `CLOUDFLARE_ACCOUNT_ID is ${given}, but this environment was deployed to the account ${written}. Unset the variable, or name another environment with --env.`,
    );
  const known = given || written;
  if (known) return { id: known };
  const accounts = await cloudflare.list("/accounts?per_page=50", accountSchema);
  const [first] = accounts;
  if (first === undefined) throw new StepFailed("This login has no account. Set CLOUDFLARE_ACCOUNT_ID.");
  if (accounts.length === 1) return first;
  const listed = accounts.map(({ id, name }, index) => `  ${index + 1}  ${name} (${id})`).join("\n");
  if (!isAsking)
    throw new StepFailed(`This login has several accounts. Set CLOUDFLARE_ACCOUNT_ID to one of them:\n${listed}`);
  say(`\nThis login has several accounts:\n${listed}\n`);
  for (;;) {
    const answer = await ask("The number of the account: ");
    if (answer === undefined) throw new StepFailed("Stopped at a question.");
    const chosen = accounts[Number(answer) - 1];
    if (chosen !== undefined) return chosen;
  }
}

/** The address that the Worker gets on workers.dev, if the account has a subdomain there. */
export async function workersDevUrl(cloudflare: Cloudflare, account: string, worker: string) {
  const found = await cloudflare.find(`/accounts/${account}/workers/subdomain`, z.object({ subdomain: z.string() }));
  return found === undefined ? undefined : `https://${worker}.${found.subdomain}.workers.dev`;
}

/** Returns why the Worker can't have this address, or `undefined` if it can. */
export async function faultOfAddress(
  url: string,
  workersDev: string | undefined,
  { cloudflare, account, worker, deployment }: Pick<Place, "cloudflare" | "account" | "worker" | "deployment">,
): Promise<string | undefined> {
  const { hostname } = new URL(url);
  if (isWorkersDev(hostname)) {
    if (workersDev === undefined) return noSubdomain(account);
    return new URL(workersDev).hostname === hostname
      ? undefined
      : `PUBLIC_URL names another workers.dev address: this Worker's is ${workersDev}.`;
  }
  // If the operator's file has routes, wrangler checks them.
  if (deployment.route !== undefined || deployment.routes !== undefined) return undefined;
  // Without a terminal, wrangler would take the domain away from another Worker without asking.
  const domains = await cloudflare.list(
    `/accounts/${account}/workers/domains?hostname=${hostname}`,
    z.object({ hostname: z.string(), service: z.string() }),
  );
  const user = domains.find((domain) => domain.hostname === hostname);
  if (user !== undefined)
    return user.service === worker ? undefined : `PUBLIC_URL: the Worker "${user.service}" uses ${hostname} already.`;
  const labels = hostname.split(".");
  for (const [index] of labels.slice(0, -1).entries()) {
    const name = labels.slice(index).join(".");
    const zones = await cloudflare.list(`/zones?name=${name}&account.id=${account}`, z.object({ name: z.string() }));
    if (zones.length > 0) return undefined;
  }
  return `PUBLIC_URL: no domain of this account contains ${hostname}. Add the domain in the dashboard, or take a workers.dev address.`;
}

interface Place {
  cloudflare: Cloudflare;
  account: string;
  worker: string;
  deployment: Deployment;
}

function noSubdomain(account: string): string {
  return `This account has no workers.dev subdomain yet. Choose one, once, at
https://dash.cloudflare.com/${account}/workers/onboarding`;
}
