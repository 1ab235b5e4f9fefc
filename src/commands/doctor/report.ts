/** The findings, for people and for machines. */
import { styleText } from "node:util";
import { VERSION } from "../../version.ts";
import type { Wish } from "./examination.ts";
import type { Finding, Status } from "./finding.ts";

/** A finding of the check that `check` names. A check can have several. */
export interface Result extends Finding {
  check: string;
}

/** The document of `--json`. A later release may add members, but must keep these. */
export interface Report {
  /** The release of this checkout. */
  version: string;
  /** What was examined. `url` is `null` if no service was found. */
  target: { kind: Wish["kind"]; url: string | null };
  /** The worst status of all findings. */
  status: "ok" | "warning" | "failed";
  findings: Result[];
}

const COLORS = { ok: "green", warning: "yellow", failed: "red", skipped: "gray" } as const satisfies Record<
  Status,
  string
>;
const WIDTH = { status: 9, check: 17 };

export function makeReport(target: Report["target"], findings: Result[]): Report {
  const has = (status: Status) => findings.some((finding) => finding.status === status);
  return { version: VERSION, target, status: has("failed") ? "failed" : has("warning") ? "warning" : "ok", findings };
}

/** One line for a finding, and one for its remedy. Colors follow the terminal, NO_COLOR and FORCE_COLOR. */
export function describeFinding({ check, status, message, remedy }: Result): string {
  const line = `${styleText(COLORS[status], status.padEnd(WIDTH.status))}${check.padEnd(WIDTH.check)}${message}\n`;
  return remedy === null ? line : `${line}${" ".repeat(WIDTH.status + WIDTH.check)}→ ${remedy}\n`;
}

export function describeEnd({ findings }: Report): string {
  const counts = (["ok", "warning", "failed", "skipped"] as const).flatMap((status) => {
    const count = findings.filter((finding) => finding.status === status).length;
    return count === 0 ? [] : [styleText(COLORS[status], `${count} ${status}`)];
  });
  return `\n${counts.join(", ")}.\n`;
}
