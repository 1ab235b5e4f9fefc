import type { ScryptCost } from "../../src/passwords/hash-format.ts";
import { createHashingLane, turnsBetweenHashes } from "../../src/passwords/hashing-lane.ts";
import { createPasswords } from "../../src/passwords/passwords.ts";
import { nativeEngine } from "../../src/passwords/scrypt.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { NO_METER } from "../../src/platform/meter.ts";
import { systemRandom } from "../../src/platform/random.ts";
import { extend } from "../../src/platform/records.ts";
import { coldIsolate } from "./services.ts";

/** The services of an isolate. Each password hash adds its cost to `costs`. */
export function countingHashes(values: Record<string, string> = {}) {
  const costs: ScryptCost[] = [];
  const services = coldIsolate(values);
  const { passwords: config } = services.config;
  const lane = createHashingLane(config.laneLength, turnsBetweenHashes(config.scrypt), systemClock);
  const passwords = createPasswords(config, lane, systemRandom, NO_METER, (password, salt, cost, length) => {
    costs.push(cost);
    return nativeEngine(password, salt, cost, length);
  });
  return { services: extend(services, { passwords }), costs, configured: config.scrypt };
}
