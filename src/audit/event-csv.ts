/** Audit events as CSV (RFC 4180), for spreadsheets. */
import type * as z from "zod";
import type { eventSchema } from "./present-event.ts";

type Event = z.output<typeof eventSchema>;

const COLUMNS = [
  "id",
  "type",
  "occurred_at",
  "actor_id",
  "user_id",
  "ip_address",
  "user_agent",
  "request_id",
  "details",
] as const satisfies readonly (keyof Event)[];

export const CSV_HEAD = line(COLUMNS);

/** One line. `details` is JSON. */
export function csvLine(event: Event): string {
  return line(COLUMNS.map((name) => (name === "details" ? JSON.stringify(event.details) : event[name])));
}

function line(cells: readonly (string | null)[]): string {
  return `${cells.map((cell) => quoted(harmless(cell ?? ""))).join(",")}\r\n`;
}

/**
 * Puts an apostrophe before each character that a spreadsheet could read as the start of a formula. The client chooses
 * its user agent, so a cell could begin with such a character. The apostrophe makes the cell a text (OWASP, "CSV
 * Injection"). Where lists are separated by semicolons, as in German, a spreadsheet may also begin a new cell after a
 * semicolon within a text.
 */
function harmless(cell: string): string {
  return cell.replaceAll(/^(?=[\t\r\n])|(?<=^|[;,]\s*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g, "'");
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}
