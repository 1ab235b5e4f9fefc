/**
 * Counts the operations that Cloudflare bills for a request: those of the request itself, of its queue messages, and of
 * the alarms that it sets in objects.
 */
import { createMessageBatch, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { recordAuditEvents } from "../../src/audit/record.ts";
import type { Bindings } from "../../src/bindings.ts";
import { parseConfig } from "../../src/config/config.ts";
import { deliverMails } from "../../src/mail/deliver.ts";
import type { OutgoingMail } from "../../src/mail/transports/transport.ts";
import { DAY } from "../../src/platform/clock.ts";
import { extend } from "../../src/platform/records.ts";
import { createServices } from "../../src/services.ts";
import { appWith, type Send } from "./client.ts";
import { countingRows } from "./counted-rows.ts";

/** Longer than a session lives without a refresh. Later alarms are not counted for the request. */
const HORIZON = 8 * DAY;

const config = parseConfig(env);

const none = () => ({
  workerRequests: 0,
  objectRequests: 0,
  objectRowsRead: 0,
  objectRowsWritten: 0,
  d1RowsRead: 0,
  d1RowsWritten: 0,
  kvReads: 0,
  kvWrites: 0,
  queueMessages: 0,
});

export type Operations = ReturnType<typeof none>;

type Counted = DurableObjectStub<undefined>;

/** Only the operations of limits. `alarms` is the number of limit objects that got an alarm. */
const noLimits = () => ({ requests: 0, rowsWritten: 0, alarms: 0 });

/**
 * Calls `run` with an app and its bindings. Returns the operations of the call, the part of them that limits cost
 * before their alarms, the calls of D1, and the emails. `values`: variables of the app.
 */
export async function countOperations(
  run: (send: Send, bindings: Bindings) => Promise<unknown>,
  values: Record<string, string> = {},
) {
  const operations = none();
  const limits = noLimits();
  const emails: OutgoingMail[] = [];
  const touched = new Map<string, { stub: Counted; hasArmed: boolean }>();
  const { DB, count } = countingRows();
  const messages: Record<"mail" | "audit", unknown[]> = { mail: [], audit: [] };
  const queueOf = (kind: "mail" | "audit") => ({
    send: async (body: unknown) => void messages[kind].push(body),
    sendBatch: async (batch: { body: unknown }[]) => void messages[kind].push(...batch.map(({ body }) => body)),
  });
  const kv = {
    get: (key: string) => {
      operations.kvReads += 1;
      return env.REVOCATIONS.get(key);
    },
    put: (...values: Parameters<KVNamespace["put"]>) => {
      operations.kvWrites += 1;
      return env.REVOCATIONS.put(...values);
    },
  };

  /** Starts to watch an object's storage, unless it is watched already. */
  async function watch(stub: Counted, isLimit: boolean): Promise<void> {
    const key = stub.id.toString();
    if (touched.has(key)) return;
    const entry = { stub, hasArmed: false };
    touched.set(key, entry);
    await runInDurableObject(stub, (instance, state) => {
      const wrote = (rows: number) => {
        operations.objectRowsWritten += rows;
        if (isLimit) limits.rowsWritten += rows;
      };
      watchStorage(state.storage, operations, wrote, () => {
        if (isLimit && !entry.hasArmed) limits.alarms += 1;
        entry.hasArmed = true;
      });
      Reflect.set(instance, "env", { ...env, REVOCATIONS: kv });
    });
  }
  const countedObjects = (objects: object, isLimit = false) => ({
    getByName(name: string) {
      const stub: Counted = Reflect.get(objects, "getByName").call(objects, name);
      return new Proxy(stub, {
        get: (_, method) =>
          method === "then"
            ? undefined
            : (...values: unknown[]) => {
                operations.objectRequests += 1;
                if (isLimit) limits.requests += 1;
                return pipelined(watch(stub, isLimit).then(() => Reflect.get(stub, method)(...values)));
              },
      });
    },
  });
  const bindings = {
    ...env,
    DB,
    REVOCATIONS: kv,
    USER_SESSIONS: countedObjects(env.USER_SESSIONS),
    RATE_LIMITER: countedObjects(env.RATE_LIMITER, true),
    LOGIN_GUARD: countedObjects(env.LOGIN_GUARD, true),
    MAIL_QUEUE: queueOf("mail"),
    AUDIT_QUEUE: queueOf("audit"),
  } as unknown as Bindings;

  const startedAt = Date.now();
  vi.setSystemTime(startedAt);
  const app = appWith(values, bindings);
  const send: Send = (request) => {
    operations.workerRequests += 1;
    return app(request);
  };
  await run(send, bindings);
  const ofRequests = { ...limits };

  const batchOf = (kind: "mail" | "audit") =>
    messages[kind].map((body, index) => ({ id: `${index}`, timestamp: new Date(), attempts: 1, body }));
  const transport = { deliver: async (mail: OutgoingMail) => void emails.push(mail) };
  const services = createServices(bindings, config);
  const deadLetters = bindings.MAIL_DEAD_LETTERS;
  for (const message of batchOf("mail")) {
    operations.workerRequests += 1;
    await deliverMails(
      createMessageBatch("postern-mail", [message as never]),
      extend(services, { transport, deadLetters }),
    );
  }
  // The consumer gets up to 100 events in a batch, so their share of a Worker request is too small to count.
  if (messages.audit.length > 0) {
    await recordAuditEvents(createMessageBatch("postern-audit", batchOf("audit") as never), services);
  }
  operations.queueMessages = messages.mail.length + messages.audit.length;

  await fireAlarms(touched, startedAt + HORIZON, () => {
    operations.objectRequests += 1;
  });
  for (const { stub } of touched.values()) await runInDurableObject(stub, (_, state) => forget(state.storage));
  operations.d1RowsRead = count.rowsRead;
  operations.d1RowsWritten = count.rowsWritten;
  return { operations, limits: ofRequests, emails, d1Calls: { reads: count.reads, writes: count.writes } };
}

/** A caller can use the methods of an RPC result before the result has arrived: all calls are then one request. */
function pipelined(result: Promise<object>) {
  return new Proxy(result, {
    get(promise, name) {
      const own = Reflect.get(promise, name);
      if (own !== undefined) return typeof own === "function" ? own.bind(promise) : own;
      return (...values: unknown[]) =>
        promise.then((target) => Reflect.apply(Reflect.get(target, name), target, values));
    },
  });
}

/** Fires the alarms that the request has armed, in their order, up to a time. */
async function fireAlarms(
  touched: ReadonlyMap<string, { stub: Counted; hasArmed: boolean }>,
  until: number,
  fired: () => void,
): Promise<void> {
  for (;;) {
    const armed: { stub: Counted; at: number }[] = [];
    for (const { stub, hasArmed } of touched.values()) {
      const at = hasArmed ? await runInDurableObject(stub, (_, state) => state.storage.getAlarm()) : null;
      if (at !== null && at <= until) armed.push({ stub, at });
    }
    const [next] = armed.toSorted((left, right) => left.at - right.at);
    if (next === undefined) return;
    vi.setSystemTime(Math.max(next.at, Date.now()));
    fired();
    await runDurableObjectAlarm(next.stub);
  }
}

/** Counts the rows of a storage. `setAlarm`, `put` and `delete` write one row each. `deleteAll` counts as one row. */
function watchStorage(
  storage: DurableObjectStorage,
  operations: Operations,
  wrote: (rows: number) => void,
  armed: () => void,
): void {
  const count = (target: object, name: string, before: () => void) => {
    const original = Reflect.get(target, name);
    Object.defineProperty(target, name, {
      configurable: true,
      value: (...values: unknown[]) => {
        before();
        return original.apply(target, values);
      },
    });
  };
  const write = () => wrote(1);
  count(storage, "setAlarm", () => {
    write();
    armed();
  });
  count(storage, "deleteAll", write);
  count(storage.kv, "put", write);
  count(storage.kv, "delete", write);
  count(storage.kv, "get", () => {
    operations.objectRowsRead += 1;
  });
  const { sql } = storage;
  const exec = sql.exec.bind(sql);
  Object.defineProperty(sql, "exec", {
    configurable: true,
    value: (query: string, ...values: unknown[]) => {
      const cursor = exec(query, ...values);
      const rows = cursor.toArray();
      operations.objectRowsRead += cursor.rowsRead;
      wrote(cursor.rowsWritten);
      return { toArray: () => rows };
    },
  });
}

function forget(storage: DurableObjectStorage): void {
  for (const name of ["setAlarm", "deleteAll"]) Reflect.deleteProperty(storage, name);
  for (const name of ["put", "delete", "get"]) Reflect.deleteProperty(storage.kv, name);
  Reflect.deleteProperty(storage.sql, "exec");
}
