import { expect } from "vitest";

/** One line that the Worker wrote. */
export interface LogLine {
  level: string;
  event: string;
  [field: string]: unknown;
}

/** The only log line that may contain a secret: the link that makes the first superuser (docs/security.md says why). */
const SECRET_LINE = /^\{"level":"warn","event":"first_superuser_link",/;

/** Prints even while logs are captured. */
// biome-ignore lint/suspicious/noConsole: the tests' own output
export const print = console.log.bind(console);

const TRACE = /"trace_id":"(\w+)"/;

const lines: string[] = [];
/**
 * The traces of earlier files. What their requests have caused, such as emails, may still be under way. So each file
 * needs trace ids of its own.
 */
const earlierTraces = new Set<string>();
/** The index of the file's first line. */
let begin = 0;
const secrets = new Set<string>();
let checked = 0;

/**
 * Captures the Worker's log lines instead of printing them. Called once per file, because secrets belong to one file.
 */
export function captureLogs(): void {
  secrets.clear();
  for (const line of lines.slice(begin)) earlierTraces.add(traceOf(line));
  begin = lines.length;
  for (const method of ["log", "warn", "error", "info", "debug"] as const) {
    console[method] = (...values: unknown[]) => {
      lines.push(values.map(String).join(" "));
    };
  }
}

/**
 * From now on, a test fails if it writes a log line with this text. Ignores short texts and “undefined”, which many
 * error messages contain.
 */
export function neverLog(secret: string | undefined): void {
  if (secret !== undefined && secret.length >= 8 && secret !== "undefined") secrets.add(secret);
}

export function expectNoSecretInLogs(): void {
  const written = lines.slice(checked).filter((line) => !SECRET_LINE.test(line));
  checked = lines.length;
  // Searches all lines at once, because there are many secrets, and leaks are rare.
  const text = written.join("\n");
  const leaked = [...secrets].filter((secret) => text.includes(secret));
  const leaks = leaked.map((secret) => ({ secret, line: written.find((line) => line.includes(secret)) }));
  expect(leaks, "log lines that hold a secret").toEqual([]);
  const links = written.filter((line) => line.includes("#token="));
  expect(links, "log lines that hold a link").toEqual([]);
}

const traceOf = (line: string): string => TRACE.exec(line)?.[1] ?? "";

/** The log lines since the call, parsed. Throws if a line is not JSON. */
export function recordLogs(): () => LogLine[] {
  const raw = rawLogs();
  return () => raw().map((line) => JSON.parse(line));
}

/** The log lines since the call, as text. */
export function rawLogs(): () => string[] {
  const from = lines.length;
  return () => lines.slice(from).filter((line) => traceOf(line) === "" || !earlierTraces.has(traceOf(line)));
}
