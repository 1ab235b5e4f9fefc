/** A Worker that is measured: how it is built, started, filled, and what is asked of it. */
import type { CaseName, Setting } from "./cases.ts";
import type { Answer, Client } from "./client.ts";
import type { ContestantName } from "./flags.ts";

/** One measured operation, by a client (`slot`) that sends one at a time. `index` is different each time. Returns its last answer. */
export type Operation = (slot: number, index: number) => Promise<Answer>;

/** The part of Miniflare's D1 that filling a database needs. */
export interface Database {
  exec(sql: string): Promise<void>;
  first(sql: string): Promise<Record<string, unknown>>;
}

export interface Started {
  client: Client;
  database: Database;
  setting: Setting;
  /** How many clients will send at the same time, at most. */
  slots: number;
  /** How many users log in by turns: enough for the limits of one user, few enough that each has logged in before. */
  regulars: number;
}

export interface Contestant {
  name: ContestantName;
  /** Its wrangler.toml, from the root of the repository. */
  config: string;
  /** Its classes of objects, whose rows are counted. */
  objects: string[];
  variables(setting: Setting): Record<string, string>;
  /** Makes its tables, and `setting.users` users in them. */
  fill(started: Started): Promise<void>;
  /** A contestant has no operation for what it does not offer. */
  cases: Partial<Record<CaseName, Preparation>>;
}

/** Prepares an operation: logs in, where that comes before. */
export type Preparation = (started: Started) => Promise<Operation>;

/** The password of every user. */
export const PASSWORD = "correct horse battery staple";

/** How the email addresses of all users begin: what a search looks for. */
export const PREFIX = "user";

export const emailOf = (user: number) => `${PREFIX}${user}@example.com`;

/** Prepares a value for each client. */
export async function forEachSlot<Value>(
  { slots }: Started,
  prepare: (slot: number) => Promise<Value>,
): Promise<Value[]> {
  const values: Value[] = [];
  for (let slot = 0; slot < slots; slot++) values.push(await prepare(slot));
  return values;
}
