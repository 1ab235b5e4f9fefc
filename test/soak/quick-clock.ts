/** Makes a copy of the service in which a year passes in a fraction of a run. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clone } from "../node/live-service.ts";

const CLOCK = "src/platform/clock.ts";

export interface QuickClock {
  /** In milliseconds. The usual proportions don't apply, because requests take as long as before. */
  minute: number;
  hour: number;
  day: number;
}

/** A clock that lets a year pass in `year` milliseconds. */
export function quickClock(year: number): QuickClock {
  const minute = Math.ceil(year / 12);
  return { minute, hour: 4 * minute, day: Math.ceil(year / 365) };
}

/** Changes the clock in a copy of the tree. */
export function putClock({ folder }: Pick<Clone, "folder">, { minute, hour, day }: QuickClock): void {
  const path = join(folder, CLOCK);
  const replacements = { MINUTE: minute, HOUR: hour, DAY: day };
  const text = Object.entries(replacements).reduce(
    (text, [name, value]) => {
      const line = new RegExp(`^export const ${name} = .*;$`, "m");
      if (!line.test(text)) throw new Error(`${CLOCK} has no ${name} any more.`);
      return text.replace(line, `export const ${name} = ${value};`);
    },
    readFileSync(path, "utf8"),
  );
  writeFileSync(path, text);
}

/**
 * The configuration of a service with this clock. Sessions and unverified accounts live for about a year, and a
 * session in use lives longer.
 */
export const QUICK_VALUES = [
  "HASH_LANE_LENGTH:64",
  "LOG_LEVEL:error",
  "ACCESS_TOKEN_EXPIRE_MINUTES:8",
  "REFRESH_TOKEN_EXPIRE_DAYS:300",
  "SESSION_MAX_DAYS:365",
  "UNVERIFIED_ACCOUNT_EXPIRE_DAYS:365",
  "USERNAME_RETIREMENT_DAYS:90",
  "AUDIT_RETENTION_DAYS:365",
  "EMAIL_VERIFICATION_EXPIRE_HOURS:8",
  "KEY_ROTATION_DAYS:365",
];
