/** Finds the databases, the KV namespace and the queues of a deployment by id or name, or creates them. */
import * as z from "zod";
import { type Setting, tell } from "./setting.ts";
import { StepFailed } from "./step-failed.ts";

const databaseSchema = z.object({ uuid: z.string(), name: z.string() });
const namespaceSchema = z.object({ id: z.string(), title: z.string() });
const queueSchema = z.object({ queue_name: z.string() });

/** The ids of the databases. In a dry run, a database that does not exist yet has no id. */
export interface Databases {
  directory: string | undefined;
  /** The database for audit events, if the operator has bound one. */
  archive: string | undefined;
}

/** Finds or creates all resources, and writes new ids into the operator's file. */
export async function provideResources(setting: Setting): Promise<Databases> {
  const directory = await provideDatabase(setting, "DB");
  const hasArchive = boundDatabase(setting, "AUDIT_DB") !== undefined;
  const archive = hasArchive ? await provideDatabase(setting, "AUDIT_DB") : undefined;
  if (archive !== undefined && archive === directory)
    throw new StepFailed(
      "AUDIT_DB and DB are the same database. Audit events need one of their own (docs/scaling.md).",
    );
  await provideNamespace(setting);
  await provideQueues(setting);
  return { directory, archive };
}

export function boundDatabase({ deployment }: Pick<Setting, "deployment">, binding: "DB" | "AUDIT_DB") {
  return deployment.d1_databases.find((database) => database.binding === binding);
}

async function provideDatabase(setting: Setting, binding: "DB" | "AUDIT_DB"): Promise<string | undefined> {
  const { account, cloudflare, file, isDryRun, worker } = setting;
  const bound = boundDatabase(setting, binding);
  const path = `/accounts/${account}/d1/database`;
  const name = bound?.database_name ?? worker;
  if (bound?.database_id !== undefined) {
    const known = await cloudflare.find(`${path}/${bound.database_id}`, databaseSchema);
    if (known === undefined) throw new StepFailed(unknownId("D1 database", bound.database_id, setting));
    tell(setting, "Database", `found ${known.name}.`);
    return known.uuid;
  }
  const all = await cloudflare.list(`${path}?name=${encodeURIComponent(name)}&per_page=100`, databaseSchema);
  const found = all.find((database) => database.name === name);
  if (found === undefined && isDryRun) {
    tell(setting, "Database", `would make ${name}.`);
    return undefined;
  }
  const { uuid } = found ?? (await cloudflare.post(path, { name }, databaseSchema));
  if (!isDryRun) await file.addBinding("d1_databases", { binding, database_name: name, database_id: uuid });
  tell(setting, "Database", `${found === undefined ? "made" : "found"} ${name}.`);
  return uuid;
}

async function provideNamespace(setting: Setting): Promise<void> {
  const { account, cloudflare, deployment, file, isDryRun, worker } = setting;
  const bound = deployment.kv_namespaces.find(({ binding }) => binding === "REVOCATIONS");
  const path = `/accounts/${account}/storage/kv/namespaces`;
  const title = `${worker}-revocations`;
  if (bound?.id !== undefined) {
    const known = await cloudflare.find(`${path}/${bound.id}`, namespaceSchema);
    if (known === undefined) throw new StepFailed(unknownId("KV namespace", bound.id, setting));
    tell(setting, "KV", `found ${known.title}.`);
    return;
  }
  const all = await cloudflare.list(`${path}?per_page=100`, namespaceSchema);
  const found = all.find((namespace) => namespace.title === title);
  if (found === undefined && isDryRun) {
    tell(setting, "KV", `would make ${title}.`);
    return;
  }
  const { id } = found ?? (await cloudflare.post(path, { title }, namespaceSchema));
  if (!isDryRun) await file.addBinding("kv_namespaces", { binding: "REVOCATIONS", id });
  tell(setting, "KV", `${found === undefined ? "made" : "found"} ${title}.`);
}

async function provideQueues(setting: Setting): Promise<void> {
  const { account, cloudflare, deployment, isDryRun } = setting;
  const { producers, consumers } = deployment.queues;
  const dead = consumers.map(({ dead_letter_queue: queue }) => queue);
  const names = new Set([...producers, ...consumers].map(({ queue }) => queue).concat(dead));
  const path = `/accounts/${account}/queues`;
  const existing = (await cloudflare.list(`${path}?per_page=100`, queueSchema)).map((queue) => queue.queue_name);
  const missing = [...names].filter((name) => !existing.includes(name));
  if (!isDryRun) for (const name of missing) await cloudflare.post(path, { queue_name: name }, queueSchema);
  const made = missing.length === 0 ? "" : `${isDryRun ? "would make" : "made"} ${missing.join(", ")}`;
  const kept = [...names].filter((name) => !missing.includes(name));
  const found = kept.length === 0 ? "" : `found ${kept.join(", ")}`;
  tell(setting, "Queues", `${[found, made].filter((text) => text !== "").join("; ")}.`);
}

function unknownId(kind: string, id: string, { account, file }: Setting): string {
  return `The account ${account} has no ${kind} with the id ${id}. Either the login belongs to another account, or it was
deleted: then remove the id from ${file.shown} (or wrangler.toml), and this command makes another.`;
}
