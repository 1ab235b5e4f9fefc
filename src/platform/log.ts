import { cutText } from "./cut-text.ts";
import { contextFields } from "./log-context.ts";

/** The fields of a log line, besides its context. The names are fixed, so that no secret is logged by accident. */
export interface LogFields {
  event: string;
  method?: string | undefined;
  route?: string | undefined;
  status?: number | undefined;
  duration_ms?: number | undefined;
  hops?: number | undefined;
  storage_calls?: number | undefined;
  user_id?: string | undefined;
  error_code?: string | undefined;
  error?: string | undefined;
  event_id?: string | undefined;
  event_type?: string | undefined;
  mail_id?: string | undefined;
  mail_kind?: string | undefined;
  attempts?: number | undefined;
  key_id?: string | undefined;
  count?: number | undefined;
  follow_up?: string | undefined;
  follow_up_id?: string | undefined;
  task?: string | undefined;
  failed?: number | undefined;
  /** Only in the line `first_superuser_link`. */
  link?: string | undefined;
  expires_at?: string | undefined;
  /** Only in the line `origin_not_allowed` of development. */
  origin?: string | undefined;
}

/** From the most important to the least. */
export const LOG_LEVELS = ["error", "warn", "info"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** A line as it is written. */
export type LogLine = LogFields & ReturnType<typeof contextFields>;

interface LogSettings {
  /** The least important level that is written. */
  level: LogLevel;
  /** Gets every error line. Neither throws nor waits. */
  report?: ((line: LogLine) => void) | undefined;
}

let settings: LogSettings = { level: "info" };

/** Sets how this isolate logs. `index.ts` calls this function once, before the first request. */
export function configureLog(chosen: LogSettings): void {
  settings = chosen;
}

/** Writes one line of JSON. Errors go to stderr, which `wrangler tail` and Workers Logs show as errors. */
export function writeLog(level: LogLevel, fields: LogFields): void {
  if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(settings.level)) return;
  const { event, ...more } = fields;
  const written = { event, ...contextFields(), ...more };
  if (level === "error") settings.report?.(written);
  const line = JSON.stringify({ level, ...written });
  if (level === "error") console.error(line);
  else if (level === "warn") console.warn(line);
  else console.log(line);
}

/**
 * Describes an error and its causes as text that is safe to log. Keeps only the innermost message, because Drizzle's
 * messages contain bound parameters. Removes quoted strings from this message, because they may be values.
 */
export function describeError(error: unknown): string {
  const names: string[] = [];
  let innermost = error;
  for (let depth = 0; innermost instanceof Error && depth < 8; depth++) {
    names.push(innermost.name);
    if (innermost.cause === undefined) break;
    innermost = innermost.cause;
  }
  const message = innermost instanceof Error ? innermost.message : typeof innermost;
  return cutText(`${names.join(" < ")}: ${message.replaceAll(/(["'`])(?:(?!\1).)*\1/gs, "…")}`, 500);
}
