/**
 * Opens D1 outside of a Worker, with the interface of a Worker's binding. Reaches local and deployed databases through
 * wrangler, and a container's database through a socket on the container's volume.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as z from "zod";
import { aroundCalls } from "../db/client.ts";
import { inTime, pause } from "../platform/clock.ts";
import { describeError } from "../platform/log.ts";
import { readDeployment } from "./deploy/configuration.ts";
import { PRODUCTION } from "./deploy/environments.ts";
import { StepFailed } from "./deploy/step-failed.ts";
import type { Place } from "./flags.ts";
import { openVolume } from "./volume.ts";

/** A database in the configuration. */
interface D1 {
  binding: string;
  database_name?: string;
  database_id?: string;
  preview_database_id?: string;
}

/** The databases that a command uses, until it calls `dispose`. */
export interface OpenDatabases {
  DB: D1Database;
  /** The database for audit events, if the configuration binds one. */
  AUDIT_DB?: D1Database | undefined;
  dispose(): Promise<void>;
}

/** With `remote`, omits the preview database, because wrangler would prefer it to the deployed one. */
function bound({ preview_database_id, ...database }: D1, remote: boolean) {
  // A command without `--remote` must not use the deployed database, even if the configuration says `remote = true`.
  return remote ? { ...database, remote } : { ...database, preview_database_id, remote };
}

/**
 * Opens the databases that the configuration binds as `DB` and, if there is one, as `AUDIT_DB`. To reach deployed
 * databases, wrangler starts a preview Worker in the operator's account. This Worker passes the statements on, and
 * wrangler ends it afterwards.
 *
 * @param root the folder with wrangler.toml, and with the local state unless `place` names another folder
 */
export async function openD1(place: Place, root: string): Promise<OpenDatabases> {
  const { remote, persistTo, volume, environment } = place;
  if (volume !== undefined) return openVolume(volume);
  // Wrangler reads these variables when it is loaded. They turn off usage metrics and the download of a sample
  // `Request.cf`.
  process.env.WRANGLER_SEND_METRICS = "false";
  // Keeps the user's value: `npm run dev` passes its environment on to the service, which may need the sample.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= "false";
  const { getPlatformProxy, unstable_readConfig } = await import("wrangler");
  const worker = remote
    ? await readDeployment(root, environment)
    : readLocally(() => unstable_readConfig(localConfiguration(place, root), { hideWarnings: true }));
  const configured: D1[] = worker.d1_databases;
  const [directory] = configured.filter(({ binding }) => binding === "DB");
  if (remote && directory?.database_id === undefined) throw new StepFailed(unknownDatabase(environment));
  if (directory === undefined) throw new StepFailed("The configuration binds no D1 database as DB.");
  const databases = configured.filter(
    ({ binding, database_id: id }) => binding === "DB" || (binding === "AUDIT_DB" && (!remote || id !== undefined)),
  );
  const folder = mkdtempSync(join(tmpdir(), "postern-command-"));
  const removeAddedListeners = watchSignalListeners();
  try {
    const configPath = join(folder, "wrangler.json");
    const config = {
      // Not the name of the deployed Worker: a preview under that name would have that Worker's secrets.
      name: `${worker.name}-commands`,
      account_id: worker.account_id,
      compatibility_date: worker.compatibility_date,
      d1_databases: databases.map((database) => bound(database, remote)),
    };
    writeFileSync(configPath, JSON.stringify(config));
    const persist = { path: join(resolve(root, persistTo ?? ".wrangler/state"), "v3") };
    const { env, dispose } = await getPlatformProxy<{ DB: D1Database; AUDIT_DB?: D1Database }>({
      configPath,
      environment: "",
      envFiles: [],
      persist,
    }).catch((error: unknown) => {
      throw remote ? error : new StepFailed(notStarted(error));
    });
    if (remote) return { ...env, dispose };
    // After Ctrl-C has killed the runtime, `dispose` may never resolve.
    const close = () => inTime(dispose(), CLOSE_MILLISECONDS).catch(() => {});
    return { DB: patient(env.DB), AUDIT_DB: env.AUDIT_DB && patient(env.AUDIT_DB), dispose: close };
  } finally {
    removeAddedListeners();
    rmSync(folder, { recursive: true });
  }
}

function localConfiguration({ config, environment }: Place, root: string) {
  // With an empty `env`, wrangler ignores CLOUDFLARE_ENV. An environment that this variable names has no database.
  if (config === undefined) return { config: join(root, "wrangler.toml"), env: "" };
  return { config, ...(environment !== undefined && { env: environment }) };
}

/** Reads a configuration. Adds the file, line and column to the message of wrangler's error, which lacks them. */
function readLocally<Configuration>(read: () => Configuration): Configuration {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { data } = located.safeParse(error);
    const position = data && `${data.location.file}:${data.location.line}:${data.location.column}: `;
    throw new StepFailed(`${position ?? ""}${error.message}`);
  }
}

const located = z.object({ location: z.object({ file: z.string(), line: z.number(), column: z.number() }) });

const CLOSE_MILLISECONDS = 5_000;
const MOST_TRIES = 100;
const RETRY_MILLISECONDS = 50;

/**
 * The errors of the local runtime if another process has locked the SQLite file, or if SQLite can't open the file
 * again. Each error undoes the transaction, so the call can be repeated.
 */
const LOCKED = /SQLITE_BUSY|internal error/;

/** Tries again when another process, such as `npm run dev`, writes to the same local file at that moment. */
function patient(database: D1Database): D1Database {
  return aroundCalls(database, async (call) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await call();
      } catch (error) {
        if (tries === MOST_TRIES || !LOCKED.test(describeError(error))) throw error;
        await pause(RETRY_MILLISECONDS);
      }
    }
  });
}

function notStarted(error: unknown): string {
  return `The local runtime, workerd, did not start: ${describeError(error)}
Lines that workerd wrote above say why. If there are none, reinstall it with \`npm ci\`. The database has not changed.`;
}

function unknownDatabase(environment = PRODUCTION): string {
  return `Neither deployments/${environment}.toml nor wrangler.toml has the id of the database: \`npm run deploy -- --env ${environment}\`
makes the database or finds it, and writes the id there.`;
}

/**
 * Returns a function that removes the signal listeners that were added after this call. Miniflare adds listeners that
 * end the process at once, but a command must end only at its next safe point.
 */
function watchSignalListeners(): () => void {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  return () => {
    for (const [signal, kept] of before)
      for (const listener of process.listeners(signal)) if (!kept.includes(listener)) process.off(signal, listener);
  };
}
