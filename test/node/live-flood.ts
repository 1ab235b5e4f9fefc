/** Floods a running service with logins. Can also remove a copy's hashing lane (its queue of passwords to hash). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Person, post } from "./live-person.ts";
import type { Clone } from "./live-service.ts";

const LANE = "src/passwords/hashing-lane.ts";

/** Flags for the default cost of a password hash, and without limits, because limits would stop a flood. */
export const FLOODED = ["RATE_LIMITING:off", "SCRYPT_LN:15", "SCRYPT_P:3"].flatMap((value) => ["--var", value]);

/** Replaces the copy's lane by one that runs all hashes at once, as a service without a lane would. */
export function takeLaneOut(clone: Clone): void {
  const path = join(clone.folder, LANE);
  const lane = readFileSync(path, "utf8");
  const start = lane.indexOf("export function createHashingLane");
  if (start < 0) throw new Error(`${LANE} has no createHashingLane any more.`);
  writeFileSync(
    path,
    `${lane.slice(0, start)}export const createHashingLane = (): HashingLane => ({ waiting: () => 0, run: async (work) => work() });\n`,
  );
}

interface Flood {
  /** How many logins are under way at any time. */
  connections: number;
  /** Milliseconds between an answer and the next login on a connection. An attacker ignores Retry-After. */
  rest: number;
  person: Person;
  /** Whether to send another login. The flood always waits for logins that are under way. */
  goesOn(): boolean;
  answered(status: number, body: string, headers: Headers): void;
}

/** Logs in on every connection again and again. Resolves when the last login is answered. */
export async function floodWithLogins(origin: string, flood: Flood): Promise<void> {
  const { connections, rest, person, goesOn, answered } = flood;
  const { email, password } = person;
  const connection = async () => {
    while (goesOn()) {
      const response = await post(origin, "/api/v1/auth/login", { email, password });
      answered(response.status, await response.text(), response.headers);
      await pause(rest);
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
}
