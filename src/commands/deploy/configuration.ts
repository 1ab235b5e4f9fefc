/**
 * Merges the configuration of one environment: the tracked `wrangler.toml`, and over it the operator's own untracked
 * file `deployments/<environment>.toml`. Wrangler gets the result as one generated file.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as z from "zod";
import { encodeHex, parseJson, utf8 } from "../../platform/encoding.ts";
import { deploymentPath, PRODUCTION } from "./environments.ts";
import { StepFailed } from "./step-failed.ts";
import { isTable, mergeTables, readToml } from "./tables.ts";

/** The parts of a wrangler configuration that this command reads. It passes all other parts on unchanged. */
const deploymentSchema = z.looseObject({
  name: z.string(),
  main: z.string(),
  account_id: z.string().optional(),
  vars: z.record(z.string(), z.unknown()).default({}),
  assets: z.looseObject({ directory: z.string() }),
  d1_databases: z.array(
    z
      .looseObject({
        binding: z.string(),
        database_name: z.string(),
        database_id: z.string().optional(),
        migrations_dir: z.string().optional(),
      })
      .transform((database) => ({
        ...database,
        migrations_dir:
          database.migrations_dir ?? (database.binding === "AUDIT_DB" ? "migrations/audit" : "migrations"),
      })),
  ),
  kv_namespaces: z.array(z.looseObject({ binding: z.string(), id: z.string().optional() })),
  queues: z.looseObject({
    producers: z.array(z.looseObject({ queue: z.string() })),
    consumers: z.array(z.looseObject({ queue: z.string(), dead_letter_queue: z.string() })),
  }),
  ratelimits: z.array(z.looseObject({ namespace_id: z.string() })).default([]),
});

export type Deployment = z.output<typeof deploymentSchema>;

const NO_ID = /^[0-]*$/;

/** Reads the configuration of an environment. Ids that are not known yet are absent. */
export async function readDeployment(root: string, environment = PRODUCTION): Promise<Deployment> {
  const path = deploymentPath(root, environment);
  const tracked = join(root, "wrangler.toml");
  const common = withNamesOf(environment, parseDeployment(tracked, await readToml(tracked)));
  const complete = existsSync(path) ? parseDeployment(path, mergeTables(common, await readToml(path))) : common;
  // Cloudflare's Workers Builds deploys to the Worker that it is connected to, even if the file has another name.
  return { ...complete, name: process.env.WRANGLER_CI_OVERRIDE_NAME ?? complete.name };
}

/**
 * Writes the configuration file that wrangler gets with `--config`, and returns its path. Adds `vars` to the
 * environment's variables. Also adds the custom domain and the binding for Cloudflare's email service, if the variables
 * need them.
 */
export function writeConfiguration(
  root: string,
  environment: string,
  deployment: Deployment,
  vars: Record<string, unknown>,
): string {
  const path = generatedPath(root, environment);
  const complete = withPathsFrom(root, withConsequencesOf({ ...deployment.vars, ...vars }, deployment));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(complete, undefined, 2)}\n`);
  return path;
}

/**
 * The configuration file of the deployed environment with this name. Without a name, the file of production, or
 * `wrangler.toml` if production has no file of its own.
 */
export async function configurationOf(root: string, environment: string | undefined): Promise<string> {
  const isPlain = environment === undefined && !existsSync(deploymentPath(root, PRODUCTION));
  if (isPlain) return join(root, "wrangler.toml");
  const name = environment ?? PRODUCTION;
  const deployment = await readDeployment(root, name);
  // Some variables may be only in the generated file: those that `npm run deploy` took from the process environment.
  return writeConfiguration(root, name, deployment, { ...generatedVars(root, name), ...deployment.vars });
}

function generatedPath(root: string, environment: string): string {
  return resolve(root, ".wrangler", "deployments", `${environment}.json`);
}

/** The variables in the configuration that was generated last. */
function generatedVars(root: string, environment: string): Record<string, unknown> {
  const path = generatedPath(root, environment);
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  return generatedSchema.safeParse(parseJson(text)).data?.vars ?? {};
}

const generatedSchema = z.object({ vars: z.record(z.string(), z.unknown()) });

function parseDeployment(path: string, table: object): Deployment {
  const parsed = deploymentSchema.safeParse(table);
  if (parsed.success) return parsed.data;
  throw new StepFailed(`${path} has a wrong value:\n${z.prettifyError(parsed.error)}`);
}

/**
 * Adds the environment's name to every name in the configuration, so that environments share nothing. Production keeps
 * the names as they are.
 */
function withNamesOf(environment: string, config: Deployment): Deployment {
  const isProduction = environment === PRODUCTION;
  const own = (name: string) => (isProduction ? name : `${name}-${environment}`);
  const known = (id: string | undefined) => (isProduction && id !== undefined && !NO_ID.test(id) ? id : undefined);
  const name = own(config.name);
  const { producers, consumers } = config.queues;
  // Drops empty values: they only make the "Deploy to Cloudflare" button ask for the variable.
  const vars = Object.fromEntries(Object.entries(config.vars).filter(([, value]) => value !== ""));
  return {
    ...config,
    vars,
    name,
    d1_databases: config.d1_databases.map((database) => ({
      ...database,
      database_name: own(database.database_name),
      database_id: known(database.database_id),
    })),
    kv_namespaces: config.kv_namespaces.map((namespace) => ({ ...namespace, id: known(namespace.id) })),
    queues: {
      ...config.queues,
      producers: producers.map((producer) => ({ ...producer, queue: own(producer.queue) })),
      consumers: consumers.map((consumer) => ({
        ...consumer,
        queue: own(consumer.queue),
        dead_letter_queue: own(consumer.dead_letter_queue),
      })),
    },
    ratelimits: config.ratelimits.map((limit) => ({
      ...limit,
      namespace_id: isProduction ? limit.namespace_id : numberFor(name, limit.namespace_id),
    })),
  };
}

/**
 * Returns a namespace id for `FLOOD_SHIELD` that depends on the Worker's name. The id is large, because people choose
 * small numbers for their own rate limits.
 */
function numberFor(name: string, base: string): string {
  const mixed = [...encodeHex(utf8(name))].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e8, 7);
  return String(1e8 + mixed + Number(base));
}

/** Adds the custom domain and the email binding that the variables need, unless the configuration already has them. */
function withConsequencesOf(vars: Record<string, unknown>, config: Deployment): Deployment {
  const hostname = URL.parse(String(vars.PUBLIC_URL))?.hostname;
  const hasRoutes = config.route !== undefined || config.routes !== undefined;
  const isCustom = !hasRoutes && hostname !== undefined && !isWorkersDev(hostname);
  const sendsByBinding = vars.MAIL_TRANSPORT === "cloudflare" && config.send_email === undefined;
  return {
    ...config,
    vars: { ...config.vars, ...vars },
    ...(isCustom ? { routes: [{ pattern: hostname, custom_domain: true }], workers_dev: false } : {}),
    ...(sendsByBinding ? { send_email: [{ name: "EMAIL" }] } : {}),
  };
}

export function isWorkersDev(hostname: string): boolean {
  return hostname === "workers.dev" || hostname.endsWith(".workers.dev");
}

/** Makes paths absolute: they are relative to `wrangler.toml`, and the generated file is in another folder. */
function withPathsFrom(root: string, config: Deployment): Deployment {
  const { build, d1_databases: databases } = config;
  return {
    ...config,
    main: resolve(root, config.main),
    assets: { ...config.assets, directory: resolve(root, config.assets.directory) },
    ...(isTable(build) ? { build: { ...build, cwd: root, watch_dir: undefined } } : {}),
    d1_databases: databases.map((one) => ({ ...one, migrations_dir: resolve(root, one.migrations_dir) })),
  };
}
