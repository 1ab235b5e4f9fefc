/** A Worker that the bench measures: how to build, start and fill it, and which requests to send to it. */
import type { CaseName, Setting } from "./cases.ts";
import type { Answer, Client } from "./client.ts";
import type { ContestantName } from "./flags.ts";

/**
 * A measured operation. `slot` is the number of the client, and each client sends one request at a time. `index` is
 * different in each call. Returns the last answer.
 */
export type Operation = (slot: number, index: number) => Promise<Answer>;

/** The part of Miniflare's D1 that is needed to fill a database. */
export interface Database {
  exec(sql: string): Promise<void>;
  first(sql: string): Promise<Record<string, unknown>>;
}

export interface Started {
  client: Client;
  database: Database;
  setting: Setting;
  /** The maximum number of clients that send requests at the same time. */
  slots: number;
  /**
   * How many users take turns to log in: enough that no user reaches the limits, but few enough that each can log in
   * before the measurement.
   */
  regulars: number;
}

export interface Contestant {
  name: ContestantName;
  /** The path of its wrangler.toml, relative to the root of the repository. */
  config: string;
  /** The names of its Durable Object classes, whose rows are counted. */
  objects: string[];
  variables(setting: Setting): Record<string, string>;
  /** Makes its tables, and `setting.users` users in them. */
  fill(started: Started): Promise<void>;
  /** A case is missing if the contestant has no such operation. */
  cases: Partial<Record<CaseName, Preparation>>;
}

/** Prepares an operation, for example by logging in. */
export type Preparation = (started: Started) => Promise<Operation>;

/** The password of every user. */
export const PASSWORD = "correct horse battery staple";

/** How the email addresses of all users begin. The measured search looks for this prefix. */
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
