/**
 * Writes workerd's configuration for the container, in Cap'n Proto's text format. (The schema is workerd.capnp in the
 * npm package `workerd`.) Derives the configuration from `wrangler.toml`, so that the bindings, queues and cron
 * triggers are the same as on Cloudflare.
 */
import { createHash, createHmac } from "node:crypto";
import type { Unstable_Config } from "wrangler";

type WranglerConfig = Pick<
  Unstable_Config,
  "assets" | "compatibility_date" | "d1_databases" | "durable_objects" | "kv_namespaces" | "queues" | "triggers"
>;

interface ContainerParts {
  /** The file names of the service's modules in the folder `worker`. The first is the main module. */
  modules: string[];
  /** Every configuration variable of the service. workerd reads the values from its environment. */
  variables: string[];
  /** The texts of `_headers` and `.assetsignore` in the folder of assets. */
  headers: string;
  ignored: string;
}

const DATABASE = "postern";
const DATABASE_CLASS = "D1Database";

/** The gateway's own variables, besides those of the service. */
export const PROXY_VARIABLES = ["TRUSTED_PROXY", "TRUSTED_PROXY_HEADER"];

/** The compatibility date of the Workers that are built into workerd. */
const BUNDLED_DATE = "2026-01-01";

/** The folders for data. The script `start` tells workerd where each folder is. */
const DISKS = ["objects", "d1", "kv", "kv-blobs", "queues", "cron"];

/**
 * The path of the database's file below the folder `d1`. The database is a Durable Object, and its id is the file's
 * name. workerd derives the id from the names of the class and of the database, as Miniflare does.
 */
export function databaseFile(): string {
  const key = createHash("sha256").update(DATABASE_CLASS).digest();
  const sign = (bytes: string | Buffer) => createHmac("sha256", key).update(bytes).digest().subarray(0, 16);
  const name = sign(DATABASE);
  return `${DATABASE_CLASS}/${Buffer.concat([name, sign(name)]).toString("hex")}.sqlite`;
}

export function containerConfig(wrangler: WranglerConfig, parts: ContainerParts): string {
  const { run_worker_first, html_handling } = wrangler.assets ?? {};
  const assets = json({ run_worker_first, html_handling, headers: parts.headers, ignore: parts.ignored });
  const services = [
    `(name = "gateway", worker = .gateway)`,
    `(name = "site", assets = (path = "assets", config = ${assets}, userWorker = "postern"))`,
    `(name = "postern", worker = .postern)`,
    // Private addresses are allowed too, because an SMTP relay is usually in the same network.
    `(name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))`,
    bundledService("d1", "DATABASE", DATABASE_CLASS),
    bundledService("kv", "SHARD", "KVNamespace", [serviceBinding("BLOBS", "kv-blobs-disk")]),
    bundledService("queues", "SHARD", "QueueShard", [
      jsonBinding("CONSUMERS", consumersOf(wrangler)),
      serviceBinding("postern", "postern"),
    ]),
    bundledService("cron", "SCHEDULE", "Schedule", [
      jsonBinding("CRONS", { postern: wrangler.triggers.crons }),
      serviceBinding("postern", "postern"),
    ]),
    ...DISKS.map((name) => `(name = "${name}-disk", disk = (writable = true))`),
  ];
  return `# Written by npm run container:build.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = ${list(services)},
  sockets = [
    (name = "http", http = (), service = "gateway"),
    (name = "commands", http = (), service = ${database()}),
  ],
);

const gateway :Workerd.Worker = (
  modules = [(name = "gateway.js", esModule = embed "gateway.js")],
  compatibilityDate = "${wrangler.compatibility_date}",
  bindings = ${list([serviceBinding("SITE", "site"), ...["ENVIRONMENT", ...PROXY_VARIABLES].map(variable)])},
);

const postern :Workerd.Worker = (
  modules = ${list(parts.modules.map(module))},
  compatibilityDate = "${wrangler.compatibility_date}",
  bindings = ${list([...storageBindings(wrangler), ...parts.variables.map(variable)])},
  durableObjectNamespaces = ${list(wrangler.durable_objects.bindings.map(({ class_name }) => namespace(class_name)))},
  durableObjectStorage = (localDisk = "objects-disk"),
);
`;
}

/**
 * The Worker's bindings that the service needs in a container. `FLOOD_SHIELD`, `EMAIL` and Analytics Engine exist only
 * on Cloudflare. `AUDIT_DB` is needed only because Cloudflare limits the size of a database.
 */
function storageBindings(wrangler: WranglerConfig): string[] {
  const { assets, d1_databases, durable_objects, kv_namespaces, queues } = wrangler;
  return [
    `(name = "${assets?.binding}", service = (name = "site", entrypoint = "AssetWorker"))`,
    ...d1_databases
      .filter(({ binding }) => binding === "DB")
      .map(({ binding }) => {
        const fetcher = `(name = "fetcher", service = ${database()})`;
        return `(name = "${binding}", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [${fetcher}]))`;
      }),
    ...durable_objects.bindings.map(
      ({ name, class_name }) => `(name = "${name}", durableObjectNamespace = "${class_name}")`,
    ),
    // The namespaces are named after their bindings, because the ids belong to one Cloudflare account.
    ...kv_namespaces.map(
      ({ binding }) => `(name = "${binding}", kvNamespace = (name = "kv", ${props({ namespace: binding })}))`,
    ),
    ...(queues.producers ?? []).map(
      ({ binding, queue }) => `(name = "${binding}", queue = (name = "queues", ${props({ queue })}))`,
    ),
  ];
}

function consumersOf({ queues }: WranglerConfig) {
  const settings = (queues.consumers ?? []).map((consumer) => [
    consumer.queue,
    {
      consumer: "postern",
      maxBatchSize: consumer.max_batch_size,
      maxBatchTimeout: consumer.max_batch_timeout,
      maxRetries: consumer.max_retries,
      deadLetterQueue: consumer.dead_letter_queue,
    },
  ]);
  return Object.fromEntries(settings);
}

/** A Worker that is built into workerd. Its Durable Object class stores data on the disk `<name>-disk`. */
function bundledService(name: string, binding: string, className: string, bindings: string[] = []): string {
  const worker = [
    `modules = [(name = "${name}.js", bundled = "/workerd/${name}.js")]`,
    `compatibilityDate = "${BUNDLED_DATE}"`,
    `compatibilityFlags = ["service_binding_extra_handlers"]`,
    `bindings = ${list([`(name = "${binding}", durableObjectNamespace = "${className}")`, ...bindings])}`,
    `durableObjectNamespaces = [${namespace(className)}]`,
    `durableObjectStorage = (localDisk = "${name}-disk")`,
  ];
  return `(name = "${name}", worker = (${worker.join(", ")}))`;
}

const props = (value: unknown) => `props = (json = ${json(value)})`;
/** The database as a service. The Worker's binding and the operator's commands call it. */
const database = () => `(name = "d1", ${props({ database: DATABASE })})`;
/** `uniqueKey` must never change: under another key, workerd would not find the data. */
const namespace = (className: string) => `(className = "${className}", uniqueKey = "${className}", enableSql = true)`;
const serviceBinding = (name: string, service: string) => `(name = "${name}", service = "${service}")`;
const jsonBinding = (name: string, value: unknown) => `(name = "${name}", json = ${json(value)})`;
const variable = (name: string) => `(name = "${name}", fromEnvironment = "${name}")`;
const module = (name: string) =>
  `(name = "${name}", ${name.endsWith(".wasm") ? "wasm" : "esModule"} = embed "worker/${name}")`;

/** A value as JSON in a Cap'n Proto string. Cap'n Proto strings have the same escapes as JSON strings. */
const json = (value: unknown) => JSON.stringify(JSON.stringify(value));
const list = (items: string[]) => `[\n    ${items.join(",\n    ")},\n  ]`;
