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
 * A spreadsheet takes a cell that begins with one of these characters for a formula, and clients choose their user
 * agent. The apostrophe makes it a text (OWASP, "CSV Injection"). Where lists are separated by semicolons, as in German,
 * a spreadsheet may also begin a cell after a semicolon in the middle of a text.
 */
function harmless(cell: string): string {
  return cell.replaceAll(/^(?=[\t\r\n])|(?<=^|[;,]\s*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g, "'");
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`;
}
