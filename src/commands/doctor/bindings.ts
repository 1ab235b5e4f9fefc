/** Checks whether `wrangler.toml` binds everything that the Worker uses. */
import type { Bindings } from "../../bindings.ts";
import { isAbsent } from "./absent.ts";
import type { Examination } from "./examination.ts";
import { type Finding, failed, ok, skipped } from "./finding.ts";
import type { Worker } from "./worker.ts";

type Kind = "d1" | "kv" | "object" | "queue" | "assets";

/** Every binding that the Worker needs. The compiler compares this list with `bindings.ts`. */
const NEEDED = {
  ASSETS: "assets",
  DB: "d1",
  REVOCATIONS: "kv",
  USER_SESSIONS: "object",
  RATE_LIMITER: "object",
  LOGIN_GUARD: "object",
  METRICS: "object",
  MAIL_QUEUE: "queue",
  MAIL_DEAD_LETTERS: "queue",
  AUDIT_QUEUE: "queue",
} as const satisfies Record<RequiredNames<Bindings>, Kind>;

type RequiredNames<Type> = { [Name in keyof Type]-?: undefined extends Type[Name] ? never : Name }[keyof Type];

/** What a binding of each kind looks like in `wrangler.toml`. */
const TABLES: Record<Kind, string> = {
  assets: "[assets] with binding",
  d1: "[[d1_databases]] with binding",
  kv: "[[kv_namespaces]] with binding",
  object: "[durable_objects] bindings with name",
  queue: "[[queues.producers]] with binding",
};

const ORIGINAL = "Take the lines from wrangler.toml as it was released.";
const ZERO_ID = /^[0-]+$/;

export async function checkBindings({ parts, wish }: Examination): Promise<Finding[]> {
  if (wish.kind === "url")
    return [skipped("HTTP does not show the bindings.", "The check `readiness` shows what the service reaches.")];
  const worker = await parts.worker;
  if (isAbsent(worker)) return [failed(worker.absent, worker.remedy)];
  const config = await parts.config;
  const findings = [
    ...missingBindings(worker),
    ...classFaults(worker),
    ...queueFaults(worker),
    ...(worker.triggers.crons?.length
      ? []
      : [
          failed(
            "No cron trigger is set: keys would not rotate, and old rows would stay.",
            `[triggers] needs crons. ${ORIGINAL}`,
          ),
        ]),
    ...(wish.kind === "deployed" ? missingIds(worker) : []),
  ];
  if (config?.mail.transport === "cloudflare" && !worker.send_email.some(({ name }) => name === "EMAIL"))
    findings.push(
      failed("MAIL_TRANSPORT=cloudflare needs a binding named EMAIL.", 'Add [[send_email]] with name = "EMAIL".'),
    );
  return findings.length > 0
    ? findings
    : [
        ok(
          `${worker.name} has all ${Object.keys(NEEDED).length} bindings, the queues' consumers and the cron trigger.`,
        ),
      ];
}

function missingBindings(worker: Worker): Finding[] {
  const bound: Record<Kind, (string | undefined)[]> = {
    assets: [worker.assets?.binding],
    d1: worker.d1_databases.map(({ binding }) => binding),
    kv: worker.kv_namespaces.map(({ binding }) => binding),
    object: worker.durable_objects.bindings.map(({ name }) => name),
    queue: worker.queues.producers?.map(({ binding }) => binding) ?? [],
  };
  return Object.entries(NEEDED)
    .filter(([name, kind]) => !bound[kind].includes(name))
    .map(([name, kind]) => failed(`The binding ${name} is missing.`, `Add ${TABLES[kind]} = "${name}". ${ORIGINAL}`));
}

/** A Durable Object class without a migration can't be deployed. */
function classFaults({ durable_objects, migrations }: Worker): Finding[] {
  const made = migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes);
  return durable_objects.bindings
    .filter(({ class_name, script_name }) => script_name === undefined && !made.includes(class_name))
    .map(({ class_name }) =>
      failed(
        `No migration of Durable Objects makes the class ${class_name}.`,
        `Add it to new_sqlite_classes of a new [[migrations]] tag. ${ORIGINAL}`,
      ),
    );
}

function queueFaults({ queues: { producers = [], consumers = [] } }: Worker): Finding[] {
  const queueOf = (name: string) => producers.find(({ binding }) => binding === name)?.queue;
  const faults: Finding[] = [];
  for (const name of ["MAIL_QUEUE", "AUDIT_QUEUE"]) {
    const queue = queueOf(name);
    if (queue === undefined) continue;
    const consumer = consumers.find((each) => each.queue === queue);
    if (consumer === undefined)
      faults.push(
        failed(`Nothing consumes the queue ${queue}.`, `Add [[queues.consumers]] with queue = "${queue}". ${ORIGINAL}`),
      );
    else if (consumer.dead_letter_queue === undefined)
      faults.push(
        failed(
          `The queue ${queue} has no dead-letter queue: what fails for good would be lost.`,
          `Add dead_letter_queue to its [[queues.consumers]]. ${ORIGINAL}`,
        ),
      );
    else if (name === "MAIL_QUEUE" && consumer.dead_letter_queue !== queueOf("MAIL_DEAD_LETTERS"))
      faults.push(
        failed(
          `MAIL_DEAD_LETTERS is not the dead-letter queue of ${queue}.`,
          `Give both the name of one queue. ${ORIGINAL}`,
        ),
      );
    // The Worker recognizes the audit queue by the word "audit" in its name.
    if (queue.includes("audit") !== (name === "AUDIT_QUEUE"))
      faults.push(
        failed(
          `The Worker would take ${queue} for the other queue.`,
          "The name of the audit queue must contain the word audit, and that of the email queue must not.",
        ),
      );
  }
  return faults;
}

function missingIds({ d1_databases, kv_namespaces }: Worker): Finding[] {
  const isMissing = (id: string | undefined) => id === undefined || ZERO_ID.test(id);
  const [database, archive] = ["DB", "AUDIT_DB"].map((name) => d1_databases.find(({ binding }) => binding === name));
  const namespace = kv_namespaces.find(({ binding }) => binding === "REVOCATIONS");
  return [
    ...(database !== undefined && isMissing(database.database_id)
      ? [failed("The D1 database DB has no id yet.", "`npm run deploy` finds or makes it, and notes its id.")]
      : []),
    ...(archive !== undefined && isMissing(archive.database_id)
      ? [failed("The D1 database AUDIT_DB has no id yet.", "`npm run deploy` finds or makes it, and notes its id.")]
      : []),
    ...(archive?.database_id !== undefined && archive.database_id === database?.database_id
      ? [failed("AUDIT_DB and DB are the same database.", "Audit events need one of their own: docs/scaling.md.")]
      : []),
    ...(namespace !== undefined && isMissing(namespace.id)
      ? [failed("The KV namespace REVOCATIONS has no id yet.", "`npm run deploy` finds or makes it, and notes its id.")]
      : []),
  ];
}

/** The names of the dead-letter queues, which keep the messages that failed for good. */
export function deadLetterQueues({ queues: { consumers = [] } }: Worker): string[] {
  return consumers.flatMap(({ dead_letter_queue }) => (dead_letter_queue === undefined ? [] : [dead_letter_queue]));
}
