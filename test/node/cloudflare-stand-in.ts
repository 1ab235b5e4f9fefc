/**
 * A stand-in for Cloudflare's API. For one account, it answers as the documentation says, and keeps what was created.
 * SQL runs in a real SQLite. It answers unknown calls with 404, and the test sees these calls.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { buffer } from "node:stream/consumers";

export const ACCOUNT = "0123456789abcdef0123456789abcdef";
export const TOKEN = "a-token-for-the-stand-in";

interface Call {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

interface Binding {
  name: string;
  type: string;
  text?: string;
  id?: string;
  namespace_id?: string;
  queue_name?: string;
}

interface Reply {
  status?: number;
  result?: unknown;
  info?: object;
  errors?: { code: number; message: string }[];
}

const absent = (message: string, code = 10_007): Reply => ({ status: 404, errors: [{ code, message }] });

export interface Cloudflare {
  base: string;
  calls: Call[];
  /** The calls that write, as lines without ids. */
  written(): string[];
  /** Makes the next call that matches fail once, before it does its work. */
  failOnce(pattern: RegExp): void;
  /** Makes every call fail once, and every writing call once more after its work. Returns the list of failed calls. */
  failEachOnce(): string[];
  /** If set, the answer to every call. */
  answerInstead: { status: number; text: string } | undefined;
  /** Calls that the token may not make. */
  denied: RegExp | undefined;
  accounts: { id: string; name: string }[];
  subdomain: string | undefined;
  databases: { uuid: string; name: string; sql: DatabaseSync }[];
  namespaces: { id: string; title: string }[];
  queues: { queue_id: string; queue_name: string; consumers: object[] }[];
  /** Secrets by the name of the Worker. */
  workers: Map<string, Map<string, string>>;
  /** The metadata of each upload. */
  uploads: { name: string; bindings: Binding[]; migrations?: { new_tag: string } }[];
  domains: { hostname: string; service: string }[];
  zones: { name: string }[];
  close(): void;
}

export async function startCloudflare(): Promise<Cloudflare> {
  let isDue: (call: Call, when: "before" | "after") => boolean = () => false;
  const cloud: Cloudflare = {
    base: "",
    calls: [],
    written: () =>
      cloud.calls
        .filter(({ method, path, body }) => !isReading(method, path, body))
        .map(
          ({ method, path }) => `${method} ${path.replace(/\?.*/, "").replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ":id")}`,
        ),
    failOnce(pattern) {
      isDue = ({ method, path }, when) => {
        if (when === "after" || !pattern.test(`${method} ${path}`)) return false;
        isDue = () => false;
        return true;
      };
    },
    failEachOnce() {
      const failed: string[] = [];
      isDue = ({ method, path, body }, when) => {
        const line = `${method} ${path} ${body.slice(0, 40).replaceAll(/\s+/g, " ")} ${when}`;
        if ((when === "after" && isReading(method, path, body)) || failed.includes(line)) return false;
        failed.push(line);
        return true;
      };
      return failed;
    },
    answerInstead: undefined,
    denied: undefined,
    accounts: [{ id: ACCOUNT, name: "Example" }],
    subdomain: "example",
    databases: [],
    namespaces: [],
    queues: [],
    workers: new Map(),
    uploads: [],
    domains: [],
    zones: [],
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  const failing = (call: Call, when: "before" | "after") => {
    if (!isDue(call, when)) return undefined;
    return { status: 500, errors: [{ code: 10_013, message: "the stand-in fails once" }] };
  };
  const server = createServer(async (request, response) => {
    const call = await readCall(request);
    cloud.calls.push(call);
    if (cloud.answerInstead !== undefined) {
      response.writeHead(cloud.answerInstead.status).end(cloud.answerInstead.text);
      return;
    }
    const isKnown =
      request.headers.authorization === `Bearer ${TOKEN}` || call.path.startsWith("/workers/assets/upload");
    const isAllowed = isKnown && !cloud.denied?.test(call.path);
    const denied = { status: 403, errors: [{ code: 10_000, message: "Authentication error" }] };
    send(response, failing(call, "before") ?? afterwards(isAllowed ? answer(call, cloud) : denied));

    function afterwards(reply: Reply): Reply {
      return failing(call, "after") ?? reply;
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  cloud.base = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/client/v4`;
  return cloud;
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const path = (request.url ?? "").replace("/client/v4", "").replace(`/accounts/${ACCOUNT}`, "");
  return {
    method: request.method ?? "",
    path,
    headers: request.headers,
    body: (await buffer(request)).toString("latin1"),
  };
}

function send(response: ServerResponse, { status = 200, result = null, info, errors = [] }: Reply): void {
  const success = errors.length === 0;
  const text = JSON.stringify({ success, errors, messages: [], result, ...(info ? { result_info: info } : {}) });
  response.writeHead(status, { "Content-Type": "application/json" }).end(text);
}

function isReading(method: string, path: string, body: string): boolean {
  if (method === "GET") return true;
  return path.endsWith("/query") && /^\s*\{"sql":"\s*SELECT/i.test(body);
}

function answer(call: Call, cloud: Cloudflare): Reply {
  const { pathname, searchParams } = new URL(call.path, "http://stand-in");
  const line = `${call.method} ${pathname}`;
  for (const [pattern, handle] of ROUTES) {
    const match = pattern.exec(line);
    if (match !== null) return handle({ ...call, cloud, query: searchParams, parts: match.slice(1) });
  }
  return absent(`the stand-in knows no ${line}`);
}

interface Asked extends Call {
  cloud: Cloudflare;
  query: URLSearchParams;
  parts: string[];
}

function listOf<Entry>(entries: Entry[], query: URLSearchParams): Reply {
  const page = Number(query.get("page") ?? 1);
  const per_page = Number(query.get("per_page") ?? 20);
  const result = entries.slice((page - 1) * per_page, page * per_page);
  return { result, info: { page, per_page, count: result.length, total_count: entries.length } };
}

const ROUTES: [RegExp, (asked: Asked) => Reply][] = [
  [/^GET \/accounts$/, ({ cloud, query }) => listOf(cloud.accounts, query)],
  [
    /^GET \/workers\/subdomain$/,
    ({ cloud }) => (cloud.subdomain ? { result: { subdomain: cloud.subdomain } } : absent("no subdomain")),
  ],
  [
    /^GET \/workers\/domains$/,
    ({ cloud, query }) =>
      listOf(
        cloud.domains.filter((one) => one.hostname === query.get("hostname")),
        query,
      ),
  ],
  [
    /^GET \/zones$/,
    ({ cloud, query }) =>
      listOf(
        cloud.zones.filter((one) => one.name === query.get("name")),
        query,
      ),
  ],
  [
    /^GET \/d1\/database$/,
    ({ cloud, query }) =>
      listOf(cloud.databases.filter(({ name }) => name.includes(query.get("name") ?? "")).map(shown), query),
  ],
  [/^POST \/d1\/database$/, ({ cloud, body }) => makeDatabase(cloud, JSON.parse(body).name)],
  [
    /^GET \/d1\/database\/([^/]+)$/,
    ({ cloud, parts }) => foundOr(cloud.databases.filter(isNamed(parts[0])).map(shown)[0]),
  ],
  [
    /^POST \/d1\/database\/([^/]+)\/query$/,
    ({ cloud, parts, body }) => runSql(cloud.databases.find(isNamed(parts[0]))?.sql, JSON.parse(body)),
  ],
  [/^GET \/storage\/kv\/namespaces$/, ({ cloud, query }) => listOf(cloud.namespaces, query)],
  [
    /^GET \/storage\/kv\/namespaces\/(.+)$/,
    ({ cloud, parts }) => foundOr(cloud.namespaces.find(({ id }) => id === parts[0])),
  ],
  [
    /^POST \/storage\/kv\/namespaces$/,
    ({ cloud, body }) =>
      add(cloud.namespaces, "title", { id: randomUUID().replaceAll("-", ""), title: JSON.parse(body).title }),
  ],
  [
    /^GET \/queues$/,
    ({ cloud, query }) =>
      listOf(
        cloud.queues.filter(({ queue_name: name }) => !query.has("name") || query.getAll("name").includes(name)),
        query,
      ),
  ],
  [
    /^POST \/queues$/,
    ({ cloud, body }) =>
      add(cloud.queues, "queue_name", {
        queue_id: randomUUID(),
        queue_name: JSON.parse(body).queue_name,
        consumers: [],
      }),
  ],
  [
    /^GET \/workers\/services\/([^/]+)$/,
    ({ cloud, parts }) =>
      secretsOf(cloud, parts[0]) ? { result: service(cloud, parts[0]) } : absent("no such Worker", 10_090),
  ],
  [
    /^POST \/workers\/scripts\/[^/]+\/assets-upload-session$/,
    ({ body }) => ({ result: { jwt: "a-jwt", buckets: [hashesIn(body)] } }),
  ],
  [/^POST \/workers\/assets\/upload$/, () => ({ status: 201, result: { jwt: "a-jwt-that-says-all-is-there" } })],
  [
    /^(?:PUT|POST) \/workers\/scripts\/([^/]+)(?:\/versions)?$/,
    ({ cloud, parts, body }) => uploadWorker(cloud, parts[0] ?? "", body),
  ],
  [
    /^GET \/workers\/workers\/([^/]+)$/,
    ({ parts }) => ({ result: { name: parts[0], subdomain: { enabled: false, previews_enabled: false } } }),
  ],
  [/^POST \/workers\/scripts\/[^/]+\/subdomain$/, ({ body }) => ({ result: JSON.parse(body) })],
  [/^PUT \/workers\/scripts\/[^/]+\/schedules$/, ({ body }) => ({ result: { schedules: JSON.parse(body) } })],
  [
    /^POST \/workers\/scripts\/[^/]+\/domains\/changeset$/,
    () => ({ result: { added: [], removed: [], updated: [], conflicting: [] } }),
  ],
  [
    /^PUT \/workers\/scripts\/([^/]+)\/domains\/records$/,
    ({ cloud, parts, body }) => attachDomains(cloud, parts[0] ?? "", JSON.parse(body)),
  ],
  [
    /^POST \/workers\/scripts\/[^/]+\/deployments$/,
    ({ body }) => ({ result: { id: randomUUID(), ...JSON.parse(body) } }),
  ],
  [/^PATCH \/workers\/scripts\/[^/]+\/script-settings$/, ({ body }) => ({ result: JSON.parse(body) })],
  [
    /^GET \/workers\/scripts\/([^/]+)\/deployments$/,
    ({ cloud, parts }) => (secretsOf(cloud, parts[0]) ? { result: { deployments: [] } } : absent("no such Worker")),
  ],
  [/^POST \/queues\/([^/]+)\/consumers$/, ({ cloud, parts, body }) => consume(cloud, parts[0] ?? "", body, undefined)],
  [
    /^PUT \/queues\/([^/]+)\/consumers\/([^/]+)$/,
    ({ cloud, parts, body }) => consume(cloud, parts[0] ?? "", body, parts[1]),
  ],
  [
    /^GET \/workers\/scripts\/([^/]+)\/settings$/,
    ({ cloud, parts }) => foundOr(cloud.uploads.findLast(({ name }) => name === parts[0])),
  ],
  [/^GET \/workers\/scripts\/([^/]+)\/secrets$/, ({ cloud, parts }) => foundOr(secretsOf(cloud, parts[0]))],
];

const isNamed =
  (text = "") =>
  ({ uuid, name }: { uuid: string; name: string }) =>
    uuid === text || name === decodeURIComponent(text);
const shown = ({ uuid, name }: { uuid: string; name: string }) => ({ uuid, name, version: "production" });

function foundOr(result: unknown): Reply {
  return result === undefined ? absent("not found") : { result };
}

function add<Entry extends object>(list: Entry[], key: keyof Entry, entry: Entry): Reply {
  if (list.some((other) => other[key] === entry[key]))
    return { status: 409, errors: [{ code: 10_014, message: "it exists already" }] };
  list.push(entry);
  return { result: entry };
}

function makeDatabase({ databases }: Cloudflare, name: string): Reply {
  const made = { uuid: randomUUID(), name, sql: new DatabaseSync(":memory:") };
  const reply = add(databases, "name", made);
  return reply.errors === undefined ? { result: shown(made) } : reply;
}

function secretsOf({ workers }: Cloudflare, name = "") {
  const secrets = workers.get(name);
  return secrets && [...secrets.keys()].map((key) => ({ name: key, type: "secret_text" }));
}

function service({ uploads }: Cloudflare, id = "") {
  const migrated = uploads.findLast(({ name, migrations }) => name === id && migrations !== undefined);
  const script = {
    id,
    tag: "a-tag",
    tags: [],
    last_deployed_from: "wrangler",
    migration_tag: migrated?.migrations?.new_tag,
  };
  return { id, default_environment: { environment: "production", script } };
}

function hashesIn(body: string): string[] {
  const { manifest }: { manifest: Record<string, { hash: string }> } = JSON.parse(body);
  return Object.values(manifest).map(({ hash }) => hash);
}

function attachDomains(
  { domains }: Cloudflare,
  service: string,
  { origins }: { origins: { hostname: string }[] },
): Reply {
  domains.push(...origins.map(({ hostname }) => ({ hostname, service })));
  return { result: [] };
}

function consume({ queues }: Cloudflare, id: string, body: string, consumer_id: string | undefined): Reply {
  const queue = queues.find(({ queue_id }) => queue_id === id);
  if (queue === undefined) return absent("no such queue");
  const { script_name: script, ...rest } = JSON.parse(body);
  const consumer = { ...rest, script, consumer_id: consumer_id ?? randomUUID() };
  queue.consumers = [consumer];
  return { result: consumer };
}

/** Stores an upload. Secrets that the upload does not name stay. */
function uploadWorker({ uploads, workers }: Cloudflare, name: string, body: string): Reply {
  const [, metadata = "{}"] = /name="metadata"[^{]*(\{.*?\})\r\n/s.exec(body) ?? [];
  const upload: Cloudflare["uploads"][number] = { name, ...JSON.parse(metadata) };
  uploads.push(upload);
  const secrets = workers.get(name) ?? new Map();
  for (const { type, name: key, text = "" } of upload.bindings) if (type === "secret_text") secrets.set(key, text);
  workers.set(name, secrets);
  const resources = { script: { etag: "an-etag" }, script_runtime: {}, bindings: upload.bindings };
  return {
    result: {
      id: randomUUID(),
      resources,
      deployment_id: randomUUID().replaceAll("-", ""),
      startup_time_ms: 1,
      entry_point: "index.js",
    },
  };
}

/** Runs SQL. Answers a query with its rows, and other statements without rows. */
function runSql(database: DatabaseSync | undefined, { sql }: { sql: string }): Reply {
  if (database === undefined) return absent("database not found", 7404);
  try {
    const isQuestion = /^\s*(SELECT|PRAGMA)/i.test(sql);
    const results = isQuestion ? database.prepare(sql).all() : [];
    if (!isQuestion) database.exec(sql);
    return { result: [{ results, success: true, meta: { duration: 1 } }] };
  } catch (error) {
    return {
      status: 400,
      errors: [{ code: 7500, message: `${error instanceof Error ? error.message : error}: SQLITE_ERROR` }],
    };
  }
}
