/** What the checks examine: one service, and what this machine knows about it. Each part is read on first use. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../../config/config.ts";
import { type Database, databaseNow, openDatabase } from "../../db/client.ts";
import type { Clock } from "../../platform/clock.ts";
import { Hops } from "../../platform/hops.ts";
import { describeError } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import { lazily } from "../../platform/records.ts";
import { configurationOf } from "../deploy/configuration.ts";
import { devVarsPath } from "../dev-vars.ts";
import { openDeployedSecrets } from "../secrets.ts";
import type { Surroundings } from "../surroundings.ts";
import { type Absent, isAbsent } from "./absent.ts";
import { type Finding, skipped } from "./finding.ts";
import { localServices, openService, type Service } from "./service.ts";
import { examineVariables, readVariables, unreadableSecrets, type Variables } from "./variables.ts";
import { readWorker, type Worker } from "./worker.ts";

/** The service that the flags ask to examine. */
export type Wish =
  | { kind: "local"; port: number | undefined; persistTo: string | undefined }
  | { kind: "deployed"; url: string | undefined; environment: string | undefined }
  /** `volume` is the folder of a container's volume, through which the doctor reaches the database. */
  | { kind: "url"; url: string; volume: string | undefined };

export type Examination = ReturnType<typeof createExamination>;

/** What the examination gets from the process. */
export interface Tools {
  clock: Clock;
  random: Random;
  env: NodeJS.ProcessEnv;
}

interface Parts {
  worker: Promise<Worker | Absent>;
  variables: Promise<{ values: Variables; secrets: "readable" | "named" } | Absent>;
  config: Promise<Config | undefined>;
  service: Promise<Service | Absent>;
  /** `archive`: the database for audit events, if the operator has bound one. */
  database: Promise<{ db: Database; archive: Database | undefined } | Absent>;
}

/** Whether the service can only be examined over HTTP. */
export const isOnlyHttp = (wish: Wish) => wish.kind === "url" && wish.volume === undefined;

/** Runs a check that needs the service. Skips it if no service answers: the check `service` says why. */
export async function withService<Result>(
  { parts }: Pick<Examination, "parts">,
  check: (service: Service) => Promise<Result>,
): Promise<Result | Finding> {
  const service = await parts.service;
  return isAbsent(service) ? skipped("No service answers.", "Fix what the check `service` says.") : check(service);
}

/** Runs a check that needs the database. Skips it if the database is not open: the check `migrations` says why. */
export async function withDatabase<Result>(
  { parts }: Pick<Examination, "parts">,
  check: (db: Database, archive: Database | undefined) => Promise<Result>,
): Promise<Result | Finding> {
  const opened = await parts.database;
  return isAbsent(opened)
    ? skipped("The database is not open.", "Fix what the check `migrations` says.")
    : check(opened.db, opened.archive);
}

export function createExamination(wish: Wish, emailTo: string | undefined, world: Surroundings, tools: Tools) {
  const { root, stop } = world;
  let close = async () => {};
  // Each factory takes the other parts as one object. Destructuring that object would read parts that may not be
  // needed.
  const createParts = lazily<Parts>({
    worker: () =>
      readWorker(async () =>
        wish.kind === "deployed" ? configurationOf(root, wish.environment) : join(root, "wrangler.toml"),
      ),
    variables: (own) => readGiven(wish, own, world),
    async config(own) {
      const given = await own.variables;
      const examined = isAbsent(given) ? undefined : examineVariables(given.values);
      return examined !== undefined && "config" in examined ? examined.config : undefined;
    },
    service: (own) => findService(wish, own, stop),
    async database() {
      const absent = whereNoDatabaseIs(wish, root);
      if (absent !== undefined) return absent;
      try {
        const persistTo = wish.kind === "local" ? wish.persistTo : undefined;
        const environment = wish.kind === "deployed" ? wish.environment : undefined;
        const volume = wish.kind === "url" ? wish.volume : undefined;
        const { DB, AUDIT_DB, dispose } = await world.openD1({
          remote: wish.kind === "deployed",
          persistTo,
          volume,
          environment,
        });
        close = dispose;
        const hops = new Hops(tools.clock);
        const db = openDatabase(DB, hops);
        await databaseNow(db);
        return { db, archive: AUDIT_DB && openDatabase(AUDIT_DB, hops, "audit_d1") };
      } catch (error) {
        const remedy = HOW_TO_OPEN[wish.kind];
        return { absent: `The database can't be opened: ${describeError(error)}.`, remedy, isFault: true };
      }
    },
  });
  const parts = createParts(undefined);
  return {
    wish,
    /** The address that gets the email of `--mail`. */
    emailTo,
    world,
    parts,
    ...tools,
    close: () => close(),
  };
}

async function readGiven(wish: Wish, parts: Parts, world: Surroundings): Parts["variables"] {
  if (wish.kind === "url")
    return {
      absent: "HTTP does not show the values. A service with a wrong value would not answer.",
      remedy: "Run this in the checkout it was deployed from, with --remote, or read its log.",
    };
  const worker = await parts.worker;
  if (isAbsent(worker)) return worker;
  const { vars } = worker;
  if (wish.kind === "local") {
    const own = readVariables(devVarsPath(world.root));
    if (own === undefined) return { absent: "There is no .dev.vars yet.", remedy: "`npm run dev` makes it." };
    const found = await parts.service;
    // `npm run dev` sets the same values.
    const preset = { ENVIRONMENT: "development", ...(!isAbsent(found) && { PUBLIC_URL: found.origin }) };
    return { values: { ...vars, ...preset, ...own }, secrets: "readable" };
  }
  const names = await (await openDeployedSecrets(world, wish.environment))?.read();
  if (names === undefined)
    return { absent: "Cloudflare did not list the names of the secrets.", remedy: "Check `npx wrangler login`." };
  return { values: { ...vars, ...unreadableSecrets([...names.keys()]) }, secrets: "named" };
}

async function findService(wish: Wish, parts: Parts, stop: AbortSignal): Parts["service"] {
  if (wish.kind === "url") return openService(wish.url, stop);
  if (wish.kind === "deployed") {
    const worker = await parts.worker;
    const url = wish.url ?? (isAbsent(worker) ? undefined : worker.vars.PUBLIC_URL);
    if (typeof url === "string" && URL.canParse(url)) return openService(new URL(url).origin, stop);
    return { absent: "The address of the deployed service is not known.", remedy: "Set PUBLIC_URL, or pass --url." };
  }
  const candidates = localServices(wish.port, stop);
  const answers = await Promise.all(candidates.map((each) => each.about().catch(() => undefined)));
  const [found] = candidates.filter((_, at) => answers[at] !== undefined);
  const [first, last] = [candidates[0], candidates.at(-1)];
  const place = wish.port === undefined ? `${first?.origin} to ${last?.origin.split(":").at(-1)}` : first?.origin;
  return (
    found ?? {
      absent: `Postern does not answer on ${place}.`,
      remedy: "`npm run dev` starts it, or says why it can't. For another port: --port <number>.",
    }
  );
}

const HOW_TO_OPEN = {
  local: "Stop `npm run dev`, and run this again.",
  deployed: "Check `npx wrangler login`.",
  url: "Start Postern on the volume, and run this as the user who runs it there.",
};

/** Returns why there is no database, or `undefined`. Called before `openD1`, which would create an empty database. */
function whereNoDatabaseIs(wish: Wish, root: string): Absent | undefined {
  if (isOnlyHttp(wish))
    return {
      absent: "HTTP does not show the database.",
      remedy: "Run this with --remote, in the checkout it was deployed from, or with --volume.",
    };
  if (wish.kind !== "local") return undefined;
  const state = resolve(root, wish.persistTo ?? ".wrangler/state");
  if (existsSync(join(state, "v3", "d1"))) return undefined;
  return {
    absent: `There is no local database in ${state} yet.`,
    remedy: "`npm run dev` makes it. For another folder: --persist-to <folder>.",
  };
}
