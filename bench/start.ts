/** Builds a contestant as a deployment does, and runs it on a local workerd of its own. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4WorkerOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { CASES, concurrenciesOf, type Setting } from "./cases.ts";
import { createClient } from "./client.ts";
import type { Contestant, Database, Started } from "./contestant.ts";
import { watchedEntry } from "./count-trips.ts";
import { childrenOf, cpuTime } from "./process-cpu.ts";

const REGULARS = 400;
const FEW_REGULARS = 8;

interface Module {
  type: "ESModule" | "CompiledWasm";
  path: string;
  contents: string | Uint8Array<ArrayBuffer>;
}

export interface Bundle {
  modules: Module[];
  bytes: number;
  gzipped: number;
}

export interface Running extends Started {
  /** The CPU time of its workerd so far, in milliseconds. */
  cpu(): number;
  stop(): Promise<void>;
}

/** Builds the bundle that `wrangler deploy` would upload. */
export async function build({ config }: Contestant): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  try {
    const wrangler = "node_modules/wrangler/bin/wrangler.js";
    const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
    const words = ["deploy", "--dry-run", "--config", config, "--outdir", folder];
    await promisify(execFile)(process.execPath, [wrangler, ...words], { env, signal: stopping.signal });
    const names = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name));
    const modules = names.map((path): Module => {
      const contents = new Uint8Array(readFileSync(join(folder, path)));
      if (path.endsWith(".wasm")) return { type: "CompiledWasm", path, contents };
      return { type: "ESModule", path, contents: new TextDecoder().decode(contents) };
    });
    const sizes = modules.map(({ contents }) => Buffer.from(contents));
    const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
    return {
      // The entry comes first.
      modules: modules.toSorted((left, right) => rank(left) - rank(right)),
      bytes: sum(sizes.map((content) => content.byteLength)),
      gzipped: sum(sizes.map((content) => gzipSync(content).byteLength)),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rank = ({ type }: Module) => (type === "ESModule" ? 0 : 1);

const started = new Set<Miniflare>();
const stopping = new AbortController();

/** Ends everything that runs. */
export async function stopAll(): Promise<void> {
  stopping.abort();
  await Promise.all([...started].map((miniflare) => miniflare.dispose()));
  started.clear();
}

/** Starts a contestant with a filled database. With `isCounted`, counts its storage calls, which makes it slower. */
export async function start(
  contestant: Contestant,
  { modules }: Bundle,
  setting: Setting,
  isCounted = false,
): Promise<Running> {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(contestant.config);
  const miniflare = await launch({
    ...workerOptions,
    modules: isCounted ? [...watchedEntry(modules[0]?.path ?? "", contestant.objects), ...modules] : modules,
    bindings: contestant.variables(setting),
    // Every outgoing request succeeds, for example a request to a service that sends emails.
    outboundService: async () => new Response("{}") as never,
  });
  const client = createClient(miniflare.url);
  const database = databaseOf(miniflare.miniflare);
  const slots = isCounted ? 1 : Math.max(...concurrenciesOf(setting));
  const regulars = Math.min(slots === 1 ? FEW_REGULARS : REGULARS, setting.users);
  const running = { client, database, setting, slots, regulars, cpu: miniflare.cpu };
  await contestant.fill(running);
  return {
    ...running,
    async stop() {
      client.close();
      await miniflare.stop();
    },
  };
}

const EMPTY: Module = { type: "ESModule", path: "empty.js", contents: "export default { fetch() {} };" };

/** The CPU time of a start of workerd with this script minus that with an empty script, in milliseconds. */
export async function startUpTime(contestant: Contestant, { modules }: Bundle): Promise<number> {
  const { compatibility_date: compatibilityDate = "" } = unstable_readConfig({ config: contestant.config });
  const bindings = contestant.variables(CASES.login);
  const timeOf = async (modules: Module[]) => {
    const { cpu, stop } = await launch({ modules, bindings, compatibilityDate });
    const time = cpu();
    await stop();
    return time;
  };
  const empty = await timeOf([EMPTY]);
  return (await timeOf(modules)) - empty;
}

async function launch(worker: V4WorkerOptions) {
  const before = childrenOf(process.pid, "workerd");
  const options = convertV4MiniflareOptions({
    ...worker,
    host: "127.0.0.1",
    port: 0,
    log: new NoOpLog(),
    cf: false,
    handleStructuredLogs: () => {},
  });
  const miniflare = new Miniflare(options);
  started.add(miniflare);
  const url = await miniflare.ready;
  const [workerd] = childrenOf(process.pid, "workerd").filter((id) => !before.includes(id));
  if (workerd === undefined) throw new Error("The process of workerd is not among the children of this one.");
  const stop = async () => {
    started.delete(miniflare);
    await miniflare.dispose();
  };
  return { miniflare, url, cpu: () => cpuTime(workerd), stop };
}

function databaseOf(miniflare: Miniflare): Database {
  return {
    async exec(sql) {
      const database = await miniflare.getD1Database("DB");
      await database.prepare(sql).run();
    },
    async first(sql) {
      const database = await miniflare.getD1Database("DB");
      return (await database.prepare(sql).first<Record<string, unknown>>()) ?? {};
    },
  };
}
